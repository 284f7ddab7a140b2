"""Orders beyond what the API takes: PASS, FAIL and INCONCLUSIVE, and each gate by itself."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from loadtest.history import Outcome
from loadtest.schedule import Kind
from loadtest.verdict.overload import (
    ACCEPT_RATIO,
    SAME_KIND_RATIO,
    goodput,
    judge_overload,
    overloaded,
    probes_not_shed,
    shed_with_a_time,
)
from loadtest.verdict.verdict import Conclusion, Gate, Verdict
from tests.unit.loadtest.verdict.made_up import MadeUpRun, is_order, is_probe, made_schedule


def overload(accept_times: float = 1.5) -> MadeUpRun:
    schedule = made_schedule(control_sets=0)
    return MadeUpRun(schedule, accept_times=accept_times, shed=True)


def judge(run: MadeUpRun, *further: Gate) -> Verdict:
    return judge_overload(run.schedule, run.events, gates=further, resamples=200)


def broken(verdict: Verdict) -> set[str]:
    return {gate.name for gate in verdict.gates if not gate.holds}


def is_shed(sample: object) -> bool:
    return getattr(sample, "outcome", None) is Outcome.SHED


def test_an_api_that_sheds_and_stays_quick_passes() -> None:
    verdict = judge(overload())

    assert verdict.conclusion is Conclusion.PASS
    assert broken(verdict) == set()
    assert set(verdict.ratios) == {ACCEPT_RATIO, SAME_KIND_RATIO}
    assert verdict.reasons[0].endswith("at most 5")
    assert verdict.figures["main/flood/order/outcomes"]["shed"] > 100


def test_an_api_that_becomes_slow_fails() -> None:
    verdict = judge(overload(accept_times=12))

    assert verdict.conclusion is Conclusion.FAIL
    assert verdict.reasons[0].endswith("more than 5")


def test_a_ratio_around_the_bar_is_inconclusive() -> None:
    verdict = judge(overload(accept_times=5))

    assert verdict.conclusion is Conclusion.INCONCLUSIVE
    assert verdict.reasons[0].endswith("whether that is more than 5 is open")


def test_without_any_event_nothing_is_said() -> None:
    verdict = judge_overload(made_schedule(control_sets=0), [])

    assert verdict.conclusion is Conclusion.INCONCLUSIVE
    assert verdict.reasons[0] == "no set has probes of both idle and overload"


def test_a_ratio_of_small_times_fails_nobody() -> None:
    run = overload()
    # 1 ms idle, and 30 times as long under overload: still quick.
    run.samples = [
        replace(one, answered_ms=one.sent_ms + (30 if one.kind is Kind.FLOOD else 1))
        if one.sent_ms and is_probe(one)
        else one
        for one in run.samples
    ]

    assert judge(run).conclusion is Conclusion.PASS


def accepted_per_s(run: MadeUpRun) -> float:
    floods = [block for block in run.schedule.blocks if block.kind is Kind.FLOOD]
    numbers = {block.number for block in floods}
    taken = [
        one for one in run.samples if is_order(one) and one.block in numbers and not is_shed(one)
    ]
    return len(taken) / sum(block.duration_s for block in floods)


@pytest.mark.parametrize(
    ("share", "conclusion"), [(0.85, Conclusion.PASS), (0.75, Conclusion.FAIL)]
)
def test_an_api_that_turns_everyone_away_fails(share: float, conclusion: Conclusion) -> None:
    run = overload()
    capacity_per_s = accepted_per_s(run) / share

    gate = goodput(run.schedule, run.samples, capacity_per_s)
    verdict = judge_overload(run.schedule, run.events, capacity_per_s=capacity_per_s, resamples=200)

    assert gate.holds is (conclusion is Conclusion.PASS)
    assert verdict.conclusion is conclusion
    assert (gate.name in broken(verdict)) is not gate.holds


def test_too_few_probes_do_not_fail() -> None:
    run = MadeUpRun(made_schedule(control_sets=0, block_s=3), accept_times=12, shed=True)

    assert judge(run).conclusion is Conclusion.INCONCLUSIVE


def test_an_api_that_took_every_order_was_not_overloaded() -> None:
    run = MadeUpRun(made_schedule(control_sets=0))

    verdict = judge(run)

    assert broken(verdict) == {"the API was overloaded"}
    assert verdict.conclusion is Conclusion.INCONCLUSIVE


def test_an_api_that_shed_next_to_nothing_was_not_overloaded() -> None:
    run = MadeUpRun(made_schedule(control_sets=0))
    run.spoil(is_order, outcome=Outcome.SHED, http_status=503, retry_after_s=1.0)

    gate = overloaded(run.schedule, run.samples)

    assert not gate.holds
    assert "1 shed" in gate.detail


@pytest.mark.parametrize(
    "change", [{"retry_after_s": None}, {"retry_after_s": -1.0}, {"http_status": 429}]
)
def test_an_order_shed_without_a_time_to_come_again_is_a_failure(change: dict[str, Any]) -> None:
    run = overload()
    (key,) = run.spoil(is_shed, **change)

    gate = shed_with_a_time(run.samples)
    verdict = judge(run)

    assert gate.is_failure
    assert key in gate.detail
    assert broken(verdict) == {gate.name}
    assert verdict.conclusion is Conclusion.FAIL


def test_a_probe_that_was_shed_is_a_failure() -> None:
    run = overload()
    run.spoil(is_probe, outcome=Outcome.SHED, http_status=503, retry_after_s=1.0)

    assert not probes_not_shed(run.samples).holds
    assert judge(run).conclusion is Conclusion.FAIL


@pytest.mark.parametrize("outcome", [Outcome.UNFINISHED, Outcome.FAILED])
def test_an_accepted_order_that_was_lost_is_a_failure(outcome: Outcome) -> None:
    run = overload()
    run.spoil(lambda one: is_order(one) and not is_shed(one), outcome=outcome)

    assert judge(run).conclusion is Conclusion.FAIL


def _drop(run: MadeUpRun) -> None:
    run.spoil(is_order, outcome=Outcome.DROPPED)


def _lag(run: MadeUpRun) -> None:
    run.samples = [replace(one, sent_ms=one.intended_ms + 30) for one in run.samples]


def _forget(run: MadeUpRun) -> None:
    run.samples.remove(next(filter(is_probe, run.samples)))


def _answer_wrongly(run: MadeUpRun) -> None:
    run.spoil(is_order, outcome=Outcome.ERROR, http_status=None, error="timed out")


def _leave_work(run: MadeUpRun) -> None:
    run.walked[0] = replace(run.walked[0], drained_ms=None)


def _disturb_idle_blocks(run: MadeUpRun) -> None:
    idle = [block for block in run.schedule.blocks if block.kind is Kind.IDLE]
    blocks = {idle[0].number, idle[-1].number}
    run.samples = [
        replace(one, answered_ms=one.answered_ms + 30)
        if one.block in blocks and one.answered_ms
        else one
        for one in run.samples
    ]


@pytest.mark.parametrize(
    ("spoil", "gate"),
    [
        (_drop, "nothing dropped"),
        (_lag, "generator lag"),
        (_forget, "every arrival accounted for"),
        (_answer_wrongly, "no wrong answer"),
        (_leave_work, "drained between blocks"),
        (_disturb_idle_blocks, "idle is like idle"),
    ],
)
def test_one_broken_gate_is_inconclusive(spoil: Callable[[MadeUpRun], None], gate: str) -> None:
    run = overload()
    spoil(run)

    verdict = judge(run)

    assert broken(verdict) == {gate}
    assert verdict.conclusion is Conclusion.INCONCLUSIVE


def test_a_further_gate_counts() -> None:
    verdict = judge(overload(), Gate("further", False, "broken by a test"))

    assert verdict.conclusion is Conclusion.INCONCLUSIVE
