"""docs/matrix.md shows the round trips that the matrix knows, and its sabotages."""

from testing.faults.refusals import TRIP_FAULTS
from testing.matrix import points
from testing.matrix.sabotage import SABOTAGES
from tests.docs.markdown import read, source

DOCUMENT = read("docs/matrix.md")


def test_the_services_rows_are_the_known_points() -> None:
    rows = DOCUMENT.table("connection")
    shown = [(row[0].text, row[1].text) for row in rows]

    assert shown == sorted((each.connection, each.command) for each in points.known()["services"])


def test_every_fault_is_a_column() -> None:
    for line in source("docs/matrix.md").splitlines():
        if line.startswith(("| connection | round trip", "| process | connection | close")):
            assert [cell.strip() for cell in line.split("|")[3:-1]] == list(TRIP_FAULTS)


def test_the_sabotages_are_there() -> None:
    rows = DOCUMENT.table("sabotage")

    assert {row[0].text: row[1].text for row in rows} == {
        name: sabotage.breaks for name, sabotage in SABOTAGES.items()
    }


def test_make_runs_it() -> None:
    assert "\nmatrix: " in source("Makefile")
