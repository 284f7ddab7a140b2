"""What the page is told of a test."""

import json
from dataclasses import replace

import pytest

from loadtest.history import Event, Outcome
from loadtest.schedule import Kind, Operation
from loadtest.web.state import Gathered
from loadtest.web.timeline import WINDOW_S
from tests.unit.loadtest.verdict.made_up import START_MS, MadeUpRun, made_schedule


@pytest.fixture(scope="module")
def run() -> MadeUpRun:
    return MadeUpRun(made_schedule(sets=2, control_sets=0))


def gathered_of(*events: Event) -> Gathered:
    gathered = Gathered(START_MS)
    gathered.add(events)
    return gathered


def end_ms(run: MadeUpRun) -> float:
    return max(block.drained_ms or block.ended_ms for block in run.walked)


def test_before_anything_came_back_there_is_nothing_to_judge() -> None:
    state = gathered_of().state(START_MS + 2_000)

    assert state["now_s"] == 2.0
    assert state["verdict"] is None
    assert state["now"] == {
        "depths": None,
        "waits": {"order": None, "notification": None},
        "lag": None,
    }
    assert state["counts"] == {"order": {"done": 0}, "notification": {"done": 0}}


def test_a_healthy_run_lacks_nothing_but_the_control(run: MadeUpRun) -> None:
    verdict = gathered_of(*run.events).state(end_ms(run))["verdict"]

    assert verdict["conclusion"] == "INCONCLUSIVE"
    assert verdict["reasons"] == ["so far: the control has no ratio"]
    assert verdict["ratio"]["low"] < verdict["ratio"]["point"] < verdict["ratio"]["high"] < 10
    assert verdict["bar"] == 10
    assert all(gate["holds"] for gate in verdict["gates"])


def test_a_flood_that_holds_up_notifications_is_a_fail_as_soon_as_it_is_sure() -> None:
    slow = MadeUpRun(made_schedule(sets=2, control_sets=0), flood_times=100.0)

    assert gathered_of(*slow.events).state(end_ms(slow))["verdict"]["conclusion"] == "FAIL"


def test_floods_and_curves_are_in_seconds_since_the_begin(run: MadeUpRun) -> None:
    state = gathered_of(*run.events).state(end_ms(run))

    floods = [block for block in run.walked if block.kind is Kind.FLOOD]
    assert state["floods"] == [
        [(block.began_ms - START_MS) / 1000, (block.ended_ms - START_MS) / 1000] for block in floods
    ]
    assert max(state["depths"]["default"]) == max(depth.default for depth in run.depths)
    assert state["depths"]["at_s"] == sorted(state["depths"]["at_s"])
    waits = state["waits"]["notification"]
    assert waits["at_s"] == sorted(waits["at_s"])
    assert all(
        p50 <= p95 <= p99
        for p50, p95, p99 in zip(waits["p50"], waits["p95"], waits["p99"], strict=True)
    )


def test_every_outcome_is_counted(run: MadeUpRun) -> None:
    state = gathered_of(*run.events).state(end_ms(run))

    for operation in Operation:
        of_it = [sample for sample in run.samples if sample.operation is operation]
        assert state["counts"][operation.value] == {Outcome.DONE.value: len(of_it)}


def test_only_the_last_minutes_are_shown(run: MadeUpRun) -> None:
    gathered = gathered_of(*run.events)
    later_ms = START_MS + (WINDOW_S + 10) * 1000
    gathered.look(later_ms, is_flood=False)

    state = gathered.state(later_ms)

    assert state["from_s"] == 10.0
    shown = [*state["depths"]["at_s"], *state["waits"]["notification"]["at_s"]]
    assert min(shown) >= 10.0
    assert state["lag"]["all"]["count"] < len(run.samples)


def test_between_two_verdicts_passes_time_unless_it_is_the_last(run: MadeUpRun) -> None:
    gathered = gathered_of(*run.samples[:300])
    first = gathered.state(end_ms(run))["verdict"]
    gathered.add(run.samples[300:])

    assert gathered.state(end_ms(run))["verdict"] == first
    assert gathered.state(end_ms(run), is_last=True)["verdict"] != first


def test_a_state_is_json_to_the_letter(run: MadeUpRun) -> None:
    state = gathered_of(*run.events).state(end_ms(run))

    assert json.loads(json.dumps(state, allow_nan=False)) == state


def test_the_course_of_waits_is_by_the_generators_clock(run: MadeUpRun) -> None:
    """A shop whose clock is an hour ahead has the same curve."""
    stamps = ("first_enqueued_ms", "enqueued_ms", "received_ms", "started_ms", "finished_ms")
    ahead = [
        replace(sample, **{name: getattr(sample, name) + 3_600_000 for name in stamps})
        for sample in run.samples
    ]

    here = gathered_of(*run.samples).state(end_ms(run))["waits"]["notification"]
    there = gathered_of(*ahead).state(end_ms(run))["waits"]["notification"]

    assert there["at_s"] == here["at_s"]
