"""What a profile becomes when it is changed, and what it must not become."""

import pytest

from loadtest.experiments.experiment import Changes, Intake, NotChangeable
from loadtest.experiments.overload import Overload
from loadtest.experiments.priority_under_flood import PriorityUnderFlood
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


def test_a_load_that_cannot_be_served_is_seen_before_it_is_walked() -> None:
    usual = PriorityUnderFlood().plan("quick", SEED)
    changed = PriorityUnderFlood().plan("quick", SEED, changes=Changes(probes_per_s=5_000))

    assert [gate.holds for gate in usual.preconditions] == [True]
    assert [gate.holds for gate in changed.preconditions] == [False]


def test_what_an_overload_offers_is_not_for_choice() -> None:
    with pytest.raises(NotChangeable, match="twice what the API takes"):
        Overload().plan("quick", SEED, INTAKE, Changes(orders_per_s=5))


def test_an_overload_offers_twice_what_the_api_takes() -> None:
    assert Overload().plan("quick", SEED, INTAKE).configuration["orders_per_s"] == 100


def test_without_a_control_the_main_arm_is_what_it_was() -> None:
    plan = PriorityUnderFlood().plan("quick", SEED)

    left = plan.without_control()

    assert left.schedule.blocks == plan.schedule.of(Arm.MAIN)
    assert left.setups == {Arm.MAIN: plan.setups[Arm.MAIN]}
    assert left.schedule.sha256 != plan.schedule.sha256
