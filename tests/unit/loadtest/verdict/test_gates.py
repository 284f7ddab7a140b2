"""Each gate holds for a good run, and is broken by what it is there for."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from loadtest.history import Outcome
from loadtest.schedule import Arm, Kind, Schedule
from loadtest.verdict import gates
from loadtest.verdict.verdict import Gate, Interval
from tests.unit.loadtest.verdict.made_up import (
    DRAIN_MS,
    MadeUpRun,
    is_order,
    is_probe,
    made_schedule,
)


@pytest.fixture
def run() -> MadeUpRun:
    return MadeUpRun(made_schedule(sets=1, block_s=4))


def flooded(run: MadeUpRun) -> Gate:
    return gates.flooded(run.schedule, run.depths, run.walked)


def accounted(run: MadeUpRun) -> Gate:
    return gates.accounted(run.schedule, run.samples)


def drained(run: MadeUpRun) -> Gate:
    return gates.drained(run.schedule, run.walked)


EVERY_GATE: list[Callable[[MadeUpRun], Gate]] = [
    flooded,
    accounted,
    drained,
    lambda run: gates.in_time(run.samples),
    lambda run: gates.nothing_dropped(run.samples),
    lambda run: gates.answered(run.samples),
    lambda run: gates.delivered_once(run.samples),
    lambda run: gates.nothing_lost(run.samples),
]


@pytest.mark.parametrize("gate", EVERY_GATE)
def test_a_good_run_holds_every_gate_and_says_so_in_a_line(
    gate: Callable[[MadeUpRun], Gate], run: MadeUpRun
) -> None:
    found = gate(run)

    assert found.holds
    assert found.name
    assert found.detail
    assert "\n" not in found.detail


# The flood.


def test_a_backlog_below_a_second_of_orders_is_no_flood(run: MadeUpRun) -> None:
    run.depths = [replace(depth, default=depth.default // 20) for depth in run.depths]

    assert not flooded(run).holds
    assert "ended with 7 waiting in default" in flooded(run).detail


def test_a_backlog_that_falls_is_no_flood(run: MadeUpRun) -> None:
    run.depths = [replace(depth, default=10_000 - depth.default) for depth in run.depths]

    assert not flooded(run).holds
    assert "the backlog of default fell" in flooded(run).detail


def test_a_backlog_that_stands_still_is_no_flood(run: MadeUpRun) -> None:
    run.depths = [replace(depth, default=10_000) for depth in run.depths]

    assert not flooded(run).holds


def test_one_flood_in_which_nothing_waited_is_enough_to_break_the_gate(run: MadeUpRun) -> None:
    dry = next(span for span in reversed(run.walked) if span.kind is Kind.FLOOD)
    run.depths = [
        replace(depth, default=0) if dry.began_ms <= depth.at_ms <= dry.ended_ms else depth
        for depth in run.depths
    ]

    assert not flooded(run).holds
    assert flooded(run).detail.startswith(f"block {dry.block}:")


def test_a_flood_whose_depths_were_not_seen_is_no_flood(run: MadeUpRun) -> None:
    run.depths = []

    assert not flooded(run).holds
    assert "0 depths seen" in flooded(run).detail


def test_depths_of_idle_blocks_say_nothing_of_a_flood(run: MadeUpRun) -> None:
    spans = [span for span in run.walked if span.kind is Kind.FLOOD]
    run.depths = [
        replace(depth, default=10_000 + place)
        for place, depth in enumerate(run.depths)
        if not any(span.began_ms <= depth.at_ms <= span.ended_ms for span in spans)
    ]

    assert not flooded(run).holds


def test_a_schedule_without_a_flood_is_no_flood(run: MadeUpRun) -> None:
    idle = [block for block in run.schedule.blocks if block.kind is Kind.IDLE]

    assert not gates.flooded(Schedule(1, idle), run.depths, run.walked).holds


# The generator.


def test_a_generator_that_lags_in_more_than_one_of_a_hundred_is_out_of_time(
    run: MadeUpRun,
) -> None:
    late = len(run.samples) // 50
    run.samples[:late] = [replace(one, sent_ms=one.intended_ms + 21) for one in run.samples[:late]]

    found = gates.in_time(run.samples)

    assert not found.holds
    assert "p99 21.0 ms" in found.detail


def test_a_lag_of_20_ms_is_still_in_time(run: MadeUpRun) -> None:
    run.samples = [replace(one, sent_ms=one.intended_ms + 20) for one in run.samples]

    assert gates.in_time(run.samples).holds


def test_a_run_in_which_nothing_was_sent_was_not_in_time() -> None:
    assert not gates.in_time([]).holds


def test_one_dropped_arrival_is_one_too_many(run: MadeUpRun) -> None:
    run.spoil(is_order, outcome=Outcome.DROPPED, sent_ms=None, answered_ms=None)

    assert not gates.nothing_dropped(run.samples).holds


# What became of the arrivals.


def test_an_arrival_without_a_sample_is_not_accounted_for(run: MadeUpRun) -> None:
    missing = run.samples.pop()

    assert not accounted(run).holds
    assert accounted(run).detail == f"1 without a sample: {missing.key}"


def test_a_sample_that_was_never_scheduled_is_a_stranger(run: MadeUpRun) -> None:
    run.samples.append(replace(run.samples[0], key="stranger"))

    assert accounted(run).detail == "1 never scheduled: stranger"
    assert not accounted(run).holds


def test_two_samples_of_one_arrival_are_one_too_many(run: MadeUpRun) -> None:
    run.samples.append(run.samples[0])

    assert accounted(run).detail == f"1 recorded more than once: {run.samples[0].key}"
    assert not accounted(run).holds


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.DONE])
def test_a_probe_that_is_not_done_is_not_accounted_for(run: MadeUpRun, outcome: Outcome) -> None:
    (key,) = run.spoil(is_probe, outcome=outcome)

    assert accounted(run).detail == f"1 probes not done: {key}"
    assert not accounted(run).holds


def test_an_order_may_be_shed(run: MadeUpRun) -> None:
    run.spoil(is_order, outcome=Outcome.SHED)

    assert accounted(run).holds
    assert gates.nothing_lost(run.samples).holds


@pytest.mark.parametrize("stamp", ["first_enqueued_ms", "started_ms", "finished_ms", "answered_ms"])
def test_a_probe_without_a_stamp_is_not_accounted_for(run: MadeUpRun, stamp: str) -> None:
    (key,) = run.spoil(is_probe, **{stamp: None})

    assert accounted(run).detail == f"1 probes without their stamps: {key}"
    assert not accounted(run).holds


def test_an_empty_schedule_accounts_for_nothing() -> None:
    assert not gates.accounted(Schedule(1, []), []).holds


def test_many_problems_of_a_sort_are_named_by_three(run: MadeUpRun) -> None:
    first, second, third, _ = run.spoil(is_probe, count=4, outcome=Outcome.ERROR)

    assert accounted(run).detail == f"4 probes not done: {first}, {second}, {third} ..."


def test_a_wrong_answer_is_named(run: MadeUpRun) -> None:
    (key,) = run.spoil(is_order, outcome=Outcome.ERROR, http_status=500)

    assert gates.answered(run.samples).detail == f"1 wrong answers: {key} (500)"
    assert not gates.answered(run.samples).holds


@pytest.mark.parametrize("operation", [is_probe, is_order])
def test_a_redelivery_in_the_measured_part_breaks_its_gate(
    run: MadeUpRun, operation: Callable[..., bool]
) -> None:
    run.spoil(lambda one: operation(one) and one.at_s >= 1, deliveries=2)

    assert not gates.delivered_once(run.samples).holds


def test_a_redelivery_in_a_discarded_second_breaks_nothing(run: MadeUpRun) -> None:
    run.spoil(lambda one: one.at_s < 1, deliveries=2)

    assert gates.delivered_once(run.samples).holds


@pytest.mark.parametrize("outcome", [Outcome.UNFINISHED, Outcome.FAILED])
@pytest.mark.parametrize("operation", [is_probe, is_order])
def test_what_was_accepted_and_not_finished_is_the_shops_failure(
    run: MadeUpRun, operation: Callable[..., bool], outcome: Outcome
) -> None:
    (key,) = run.spoil(operation, outcome=outcome)

    found = gates.nothing_lost(run.samples)

    assert not found.holds
    assert found.is_failure
    assert found.detail == f"1 accepted and {outcome}: {key}"


def test_only_a_loss_is_the_shops_failure(run: MadeUpRun) -> None:
    failures = [found for gate in EVERY_GATE if (found := gate(run)).is_failure]

    assert [found.name for found in failures] == ["nothing accepted was lost"]


# The blocks.


def test_a_block_that_was_not_walked_breaks_the_chain(run: MadeUpRun) -> None:
    missing = run.walked.pop()

    assert drained(run).detail == f"1 blocks not walked: {missing.block}"
    assert not drained(run).holds


def test_a_block_that_was_walked_twice_breaks_the_chain(run: MadeUpRun) -> None:
    last = run.walked[-1]
    later = replace(last, began_ms=last.began_ms + 60_000, drained_ms=last.began_ms + 90_000)
    run.walked.append(later)

    assert drained(run).detail == f"1 blocks walked again: {last.block}"
    assert not drained(run).holds


@pytest.mark.parametrize("place", [0, -1])
def test_a_shop_that_was_not_emptied_breaks_the_chain(run: MadeUpRun, place: int) -> None:
    run.walked[place] = replace(run.walked[place], drained_ms=None)

    assert "the shop was not empty" in drained(run).detail
    assert not drained(run).holds


def test_a_block_begun_too_early_breaks_the_chain(run: MadeUpRun) -> None:
    run.walked[3] = replace(run.walked[3], began_ms=run.walked[3].began_ms - DRAIN_MS / 2)

    assert drained(run).detail == "1 blocks begun before the shop was empty: 3"
    assert not drained(run).holds


def test_nothing_walked_is_not_drained() -> None:
    assert not gates.drained(Schedule(1, []), []).holds


# The figures.


@pytest.mark.parametrize(
    ("low", "high", "holds"),
    [(0.8, 1.3, True), (1.0, 1.4, True), (0.7, 1.0, True), (1.1, 1.4, False), (0.5, 0.9, False)],
)
def test_idle_is_like_idle_if_1_is_within(low: float, high: float, holds: bool) -> None:
    assert gates.like_itself(Interval(low, (low + high) / 2, high)).holds is holds


def test_without_two_idle_blocks_nothing_shows_that_idle_is_like_idle() -> None:
    assert not gates.like_itself(None).holds


@pytest.mark.parametrize(("idle", "holds"), [(200, True), (199, False), (0, False)])
def test_both_sides_need_their_samples(idle: int, holds: bool) -> None:
    found = gates.enough(Arm.CONTROL, {Kind.IDLE: idle, Kind.FLOOD: 500})

    assert found.holds is holds
    assert found.name == "enough probes (control)"
    assert found.detail == f"idle {idle}, flood 500; at least 200 each"
