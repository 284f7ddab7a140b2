"""What an experiment hands over."""

from pathlib import Path

import pytest

from loadtest.schedule import Arm, Arrival, Block, Kind, Operation, Rates, Schedule, draw
from loadtest.users.plan import BadPlan, Plan, payload_of


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "schedule.jsonl"
    draw(7, sets=1, control_sets=0, block_s=1.0, rates=Rates(5.0, 5.0)).write(file)
    return {
        "LAB_SCHEDULE": str(file),
        "LAB_ARM": "main",
        "LAB_HISTORY": str(tmp_path / "history.jsonl"),
        "LAB_RUN_ID": "run1",
    }


def test_the_arms_blocks_are_taken(environment: dict[str, str]) -> None:
    plan = Plan.of(environment)
    assert [block.kind for block in plan.blocks] == [Kind.IDLE, Kind.FLOOD, Kind.FLOOD, Kind.IDLE]
    assert (plan.drain_within_s, plan.pool_size, plan.api_key) == (180.0, None, None)


def test_limits_can_be_given(environment: dict[str, str]) -> None:
    plan = Plan.of({**environment, "LAB_DRAIN_WITHIN_S": "2.5", "LAB_POOL_SIZE": "10"})
    assert (plan.drain_within_s, plan.pool_size) == (2.5, 10)


@pytest.mark.parametrize("name", ["LAB_SCHEDULE", "LAB_ARM", "LAB_HISTORY", "LAB_RUN_ID"])
def test_what_is_missing_is_named(environment: dict[str, str], name: str) -> None:
    del environment[name]
    with pytest.raises(BadPlan, match=name):
        Plan.of(environment)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("LAB_SCHEDULE", "/nowhere/schedule.jsonl", "cannot be read"),
        ("LAB_SCHEDULE", __file__, "no schedule"),
        ("LAB_ARM", "left", "no arm"),
        ("LAB_ARM", "control", "no block"),
        ("LAB_RUN_ID", "a/b", "no id"),
        ("LAB_RUN_ID", "x" * 64, "no id"),
        ("LAB_DRAIN_WITHIN_S", "soon", "LAB_DRAIN_WITHIN_S"),
        ("LAB_POOL_SIZE", "0", "LAB_POOL_SIZE"),
    ],
)
def test_what_cannot_be_walked_is_refused(
    environment: dict[str, str], name: str, value: str, reason: str
) -> None:
    with pytest.raises(BadPlan, match=reason):
        Plan.of({**environment, name: value})


def test_each_run_has_names_of_its_own() -> None:
    order = Arrival(0.5, Operation.ORDER, "7-o1", {"id": "7-o1", "item": "LAB-1", "qty": 1})
    probe = Arrival(0.5, Operation.NOTIFICATION, "7-n1", {"email": "a@b.c", "message": "7-n1"})
    assert payload_of("run1", order) == {"id": "run1.7-o1", "item": "LAB-1", "qty": 1}
    assert payload_of("run1", probe) == {"email": "a@b.c", "message": "run1.7-n1"}


def test_a_schedule_that_is_cut_short_is_refused(
    environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "cut.jsonl"
    whole = Schedule(1, [Block(0, Arm.MAIN, 0, Kind.IDLE, 1.0)])
    file.write_text("".join(whole.lines())[:-5])
    with pytest.raises(BadPlan, match="no schedule"):
        Plan.of({**environment, "LAB_SCHEDULE": str(file)})
