"""What a profile becomes when it is changed, and what it must not become."""

from dataclasses import replace

import pytest

from loadtest.experiments import service_time_sweep
from loadtest.experiments.experiment import (
    NO_CHANGES,
    Changes,
    Experiment,
    Intake,
    NotChangeable,
    Plan,
)
from loadtest.experiments.overload import Overload
from loadtest.experiments.priority_under_flood import SABOTAGES, PriorityUnderFlood
from loadtest.experiments.service_time_sweep import SweepCell
from loadtest.experiments.soak import BLOCK_S, Soak
from loadtest.schedule import Arm, Operation

SEED = 5
INTAKE = Intake(orders_per_s=50.0)


def test_a_duration_is_that_of_all_blocks_together() -> None:
    plan = PriorityUnderFlood().plan("quick", SEED, changes=Changes(duration_s=48))

    assert [block.duration_s for block in plan.schedule.blocks] == [4.0] * 12
    assert plan.configuration["block_s"] == 4.0


def test_a_soak_of_another_duration_has_fewer_blocks() -> None:
    plan = Soak().plan("full", SEED, changes=Changes(duration_s=90))

    assert [block.duration_s for block in plan.schedule.blocks] == [BLOCK_S] * 3
    assert plan.configuration["blocks"] == 3


@pytest.mark.parametrize("duration_s", [1.0, 35.9])
def test_blocks_are_not_made_too_short_to_say_anything(duration_s: float) -> None:
    with pytest.raises(NotChangeable, match="at least 36 s are needed"):
        PriorityUnderFlood().plan("quick", SEED, changes=Changes(duration_s=duration_s))


def test_rates_are_drawn_as_they_were_changed() -> None:
    changes = Changes(probes_per_s=50, orders_per_s=10, duration_s=120)

    plan = PriorityUnderFlood().plan("quick", SEED, changes=changes)

    (arrivals,) = [block.arrivals for block in plan.schedule.blocks if block.number == 1]
    orders = sum(arrival.operation is Operation.ORDER for arrival in arrivals)
    assert 60 <= orders <= 140
    assert 400 <= len(arrivals) - orders <= 600
    assert (plan.configuration["probes_per_s"], plan.configuration["orders_per_s"]) == (50, 10)


def refused(plan: Plan) -> list[str]:
    return [gate.name for gate in plan.preconditions if not gate.holds]


@pytest.mark.parametrize(
    ("experiment", "changes", "names"),
    [
        (PriorityUnderFlood(), NO_CHANGES, []),
        (PriorityUnderFlood(), Changes(probes_per_s=1_999), ["the load can be served"]),
        (PriorityUnderFlood(), Changes(orders_per_s=600), ["the backlog can be worked off"]),
        (Soak(), NO_CHANGES, []),
        (Soak(), Changes(probes_per_s=1_900), ["the load can be served"]),
        (Overload(), NO_CHANGES, []),
        # Of an API that takes all: what it cannot do it sheds.
        (Overload(), Changes(orders_per_s=4_000), []),
        (Overload(), Changes(probes_per_s=1_900), ["the load can be served"]),
    ],
)
def test_a_load_that_cannot_be_served_is_seen_before_it_is_walked(
    experiment: Experiment, changes: Changes, names: list[str]
) -> None:
    short = replace(changes, duration_s=90)

    assert refused(experiment.plan("quick", SEED, INTAKE, short)) == names


def test_how_much_a_foreign_shop_does_at_once_is_not_known() -> None:
    many = Changes(probes_per_s=1_900, orders_per_s=600, duration_s=90)
    plan = PriorityUnderFlood().plan("quick", SEED, changes=many)

    assert refused(plan) == ["the load can be served", "the backlog can be worked off"]
    assert refused(plan.for_a_foreign_shop()) == ["the load can be served"]


@pytest.mark.parametrize("name", SABOTAGES)
def test_a_broken_topology_is_not_refused_for_its_load(name: str) -> None:
    assert refused(SABOTAGES[name][1].plan("sabotage", SEED)) == []


@pytest.mark.parametrize("profile", service_time_sweep.PROFILES)
def test_no_cell_of_a_sweep_is_refused_for_its_load(profile: str) -> None:
    block_s, cells = service_time_sweep.PROFILES[profile]

    for cell in cells:
        assert refused(SweepCell(cell, block_s).plan(profile, SEED)) == []


SWEPT = [
    SweepCell(cell, 7.0) for _, cells in service_time_sweep.PROFILES.values() for cell in cells
]


@pytest.mark.parametrize("experiment", [PriorityUnderFlood(), *SWEPT])
def test_a_flood_is_one_on_any_machine(experiment: PriorityUnderFlood | SweepCell) -> None:
    """However many cores it has, and however little an order costs it beside its simulated time."""
    plan = experiment.plan("quick", SEED)
    shop = plan.setups[Arm.MAIN].environment

    processes = int(shop["DEFAULT_CONCURRENCY"])
    done_per_s = processes * 1_000 / int(shop["ORDER_DELAY_MS"])
    assert processes == 2
    assert plan.configuration["orders_per_s"] >= 1.2 * done_per_s


def test_what_an_overload_offers_may_be_said_where_it_is_not_to_be_measured() -> None:
    plan = Overload().plan("quick", SEED, None, Changes(orders_per_s=70))

    assert plan.configuration["orders_per_s"] == 70
    assert plan.configuration["measured_intake_per_s"] is None


def test_an_overload_offers_twice_what_the_api_takes() -> None:
    assert Overload().plan("quick", SEED, INTAKE).configuration["orders_per_s"] == 100


def test_without_a_control_the_main_arm_is_what_it_was() -> None:
    plan = PriorityUnderFlood().plan("quick", SEED)

    left = plan.without_control()

    assert left.schedule.blocks == plan.schedule.of(Arm.MAIN)
    assert left.setups == {Arm.MAIN: plan.setups[Arm.MAIN]}
    assert left.schedule.sha256 != plan.schedule.sha256
