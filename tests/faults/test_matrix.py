"""The fault matrix: all of the services', a share of the processes', and what it is to find."""

import pytest

from testing.matrix import points
from testing.matrix.running import Drawn, run_processes, run_services
from testing.matrix.sabotage import SABOTAGES

#: Drawn anew by whoever changes it; each draw has other cases.
SHARE_OF_PROCESSES = Drawn(share=20, seed=16)
#: What is late on a machine that does other things as well is told by `make matrix`.
PROCESSES_WITHIN_S = 30.0


def test_every_round_trip_of_the_services_is_survived() -> None:
    ran = run_services(Drawn())

    assert {str(outcome.case): outcome.violations for outcome in ran.broken} == {}
    assert all(outcome.took_hold for outcome in ran.services)
    assert points.unknown(ran.points) == [], "make matrix ARGS='services --write' writes them down"
    assert ran.points["services"] == points.known()["services"], "some are not there any more"


def test_a_share_of_the_processes_connections_is_survived() -> None:
    ran = run_processes(SHARE_OF_PROCESSES, within_s=PROCESSES_WITHIN_S)

    assert {str(outcome.case): outcome.violations for outcome in ran.broken} == {}
    assert all(outcome.hits for outcome in ran.processes)
    assert points.unknown(ran.points) == [], "make matrix writes them down"


@pytest.mark.parametrize(
    "name", [name for name, sabotage in SABOTAGES.items() if sabotage.is_cheap]
)
def test_what_was_mended_is_found_when_it_is_put_back(name: str) -> None:
    found = SABOTAGES[name].attempt()

    assert found.verdict == "found"
