"""PASS, FAIL and INCONCLUSIVE, each from a run that never was."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from loadtest.history import Outcome, clock_ahead_ms
from loadtest.schedule import Arm, Kind
from loadtest.verdict import priority
from loadtest.verdict.priority import (
    CONTROL_RATIO,
    MAIN_RATIO,
    MAIN_RATIO_P99,
    SAME_KIND_RATIO,
    decide,
    judge_priority,
    judge_so_far,
)
from loadtest.verdict.record import COMPARED
from loadtest.verdict.verdict import Conclusion, Gate, Interval, Verdict
from tests.unit.loadtest.verdict.made_up import MadeUpRun, is_order, is_probe, made_schedule

RESAMPLES = 200


def judge(run: MadeUpRun, *further: Gate) -> Verdict:
    return judge_priority(run.schedule, run.events, gates=further, resamples=RESAMPLES)


def broken(verdict: Verdict) -> set[str]:
    return {gate.name for gate in verdict.gates if not gate.holds}


def test_a_good_topology_passes() -> None:
    verdict = judge(MadeUpRun())

    assert verdict.conclusion is Conclusion.PASS
    assert broken(verdict) == set()
    assert verdict.ratios[MAIN_RATIO].point == pytest.approx(2, rel=0.2)
    assert verdict.ratios[CONTROL_RATIO].low > 100
    assert len(verdict.reasons) == 2
    assert "the flood multiplies waits by" in verdict.reasons[0]
    assert verdict.as_json()["exit_code"] == 0


def test_a_bad_topology_fails() -> None:
    verdict = judge(MadeUpRun(flood_times=60))

    assert verdict.conclusion is Conclusion.FAIL
    assert verdict.reasons[0].endswith("more than 10")


def test_a_bad_topology_fails_whatever_else_was_wrong_with_the_run() -> None:
    run = MadeUpRun(flood_times=60)
    run.depths = []

    verdict = judge(run)

    assert verdict.conclusion is Conclusion.FAIL
    assert verdict.reasons[0].endswith("more than 10")
    assert verdict.reasons[1].startswith("the flood flooded: ")


def test_a_bad_topology_fails_without_a_control() -> None:
    run = MadeUpRun(made_schedule(control_sets=0), flood_times=60)

    assert judge(run).conclusion is Conclusion.FAIL


def test_a_ratio_around_the_bar_is_inconclusive() -> None:
    verdict = judge(MadeUpRun(flood_times=10))

    assert verdict.conclusion is Conclusion.INCONCLUSIVE
    assert verdict.ratios[MAIN_RATIO].low < 10 < verdict.ratios[MAIN_RATIO].high
    assert verdict.reasons[0].endswith("whether that is more than 10 is open")


def test_a_control_that_looks_good_too_is_inconclusive() -> None:
    verdict = judge(MadeUpRun(control_times=20))

    assert verdict.conclusion is Conclusion.INCONCLUSIVE
    assert "good and bad lie too close" in verdict.reasons[0]


def test_without_a_control_nothing_passes() -> None:
    verdict = judge(MadeUpRun(made_schedule(control_sets=0)))

    assert verdict.conclusion is Conclusion.INCONCLUSIVE
    assert verdict.reasons[0] == "the control has no ratio"


def test_without_any_event_nothing_is_said() -> None:
    verdict = judge_priority(made_schedule(), [])

    assert verdict.conclusion is Conclusion.INCONCLUSIVE
    assert verdict.ratios == {}


def _drop(run: MadeUpRun) -> None:
    run.spoil(is_order, outcome=Outcome.DROPPED)


def _lag(run: MadeUpRun) -> None:
    run.samples = [replace(one, sent_ms=one.intended_ms + 30) for one in run.samples]


def _forget(run: MadeUpRun) -> None:
    run.samples.remove(next(filter(is_probe, run.samples)))


def _answer_wrongly(run: MadeUpRun) -> None:
    run.spoil(is_order, outcome=Outcome.ERROR, http_status=500)


def _redeliver(run: MadeUpRun) -> None:
    run.spoil(lambda one: one.at_s > 1, deliveries=2)


def _forget_depths(run: MadeUpRun) -> None:
    run.depths = []


def _leave_work(run: MadeUpRun) -> None:
    run.walked[0] = replace(run.walked[0], drained_ms=None)


def _disturb_idle_blocks(run: MadeUpRun) -> None:
    """The first of the first set and the second of the second: one side of A/A."""
    idle = [block for block in run.schedule.of(Arm.MAIN) if block.kind is Kind.IDLE]
    blocks = {idle[0].number, idle[-1].number}
    run.samples = [
        replace(one, started_ms=one.started_ms + 30)
        if one.block in blocks and one.started_ms
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
        (_redeliver, "no redelivery"),
        (_forget_depths, "the flood flooded"),
        (_leave_work, "drained between blocks"),
        (_disturb_idle_blocks, "idle is like idle"),
    ],
)
def test_one_broken_gate_is_inconclusive(spoil: Callable[[MadeUpRun], None], gate: str) -> None:
    run = MadeUpRun()
    spoil(run)

    verdict = judge(run)

    assert broken(verdict) == {gate}
    assert verdict.conclusion is Conclusion.INCONCLUSIVE
    assert [reason.partition(":")[0] for reason in verdict.reasons] == [gate]


@pytest.mark.parametrize("outcome", [Outcome.UNFINISHED, Outcome.FAILED])
def test_a_lost_order_is_a_failure(outcome: Outcome) -> None:
    run = MadeUpRun()
    run.spoil(is_order, outcome=outcome)

    verdict = judge(run)

    assert verdict.conclusion is Conclusion.FAIL
    assert verdict.reasons[0].startswith("nothing accepted was lost: 1 accepted and")


@pytest.mark.parametrize(
    ("is_failure", "conclusion"), [(True, Conclusion.FAIL), (False, Conclusion.INCONCLUSIVE)]
)
def test_a_further_gate_counts_as_any(is_failure: bool, conclusion: Conclusion) -> None:
    verdict = judge(MadeUpRun(), Gate("further", False, "broken by a test", is_failure))

    assert verdict.conclusion is conclusion
    assert verdict.reasons[0] == "further: broken by a test"


@pytest.mark.parametrize("flood_times", [2, 60])
def test_too_few_probes_say_nothing_however_narrow_the_interval(flood_times: float) -> None:
    run = MadeUpRun(made_schedule(block_s=3), flood_times=flood_times)

    verdict = judge(run)

    assert "enough probes (main)" in broken(verdict)
    assert verdict.conclusion is Conclusion.INCONCLUSIVE


def test_too_few_probes_of_the_control_do_not_save_a_bad_topology() -> None:
    run = MadeUpRun(made_schedule(sets=3), flood_times=60)
    run.samples = [one for one in run.samples if one.arm is Arm.MAIN or one.at_s < 4]

    verdict = judge(run)

    assert "enough probes (control)" in broken(verdict)
    assert verdict.conclusion is Conclusion.FAIL


def test_one_set_is_said_to_be_one() -> None:
    verdict = judge(MadeUpRun(made_schedule(sets=1, block_s=12)))

    assert verdict.conclusion is Conclusion.PASS
    assert verdict.reasons[-1].startswith("one set only")


def test_a_p99_needs_2000_probes_on_either_side(monkeypatch: pytest.MonkeyPatch) -> None:
    run = MadeUpRun()

    assert MAIN_RATIO_P99 not in judge(run).ratios
    probes = min(
        sum(one.kind is kind and one.arm is Arm.MAIN and one.at_s >= 1 for one in run.samples)
        for kind in COMPARED
    )
    monkeypatch.setattr(priority, "MIN_SAMPLES_P99", probes // 2)
    assert MAIN_RATIO_P99 in judge(run).ratios


def test_the_control_is_no_part_of_the_ratio() -> None:
    run = MadeUpRun()
    before = judge(run).ratios[MAIN_RATIO]
    run.samples = [
        replace(one, started_ms=(one.started_ms or 0) + 5_000) if one.arm is Arm.CONTROL else one
        for one in run.samples
    ]

    assert judge(run).ratios[MAIN_RATIO] == before


def test_orders_waits_are_no_part_of_the_ratio() -> None:
    run = MadeUpRun()
    before = judge(run).ratios[MAIN_RATIO]
    run.samples = [
        replace(one, started_ms=(one.started_ms or 0) + 5_000) if is_order(one) else one
        for one in run.samples
    ]

    assert judge(run).ratios[MAIN_RATIO] == before


@pytest.mark.parametrize(
    ("main", "control", "conclusion"),
    [
        (Interval(1, 5, 10), Interval(50, 60, 70), Conclusion.PASS),
        (Interval(1, 5, 10.01), Interval(50, 60, 70), Conclusion.INCONCLUSIVE),
        (Interval(1, 5, 10), Interval(49.9, 60, 70), Conclusion.INCONCLUSIVE),
        (Interval(10, 12, 15), Interval(50, 60, 70), Conclusion.INCONCLUSIVE),
        (Interval(10.01, 12, 15), Interval(50, 60, 70), Conclusion.FAIL),
        (Interval(10.01, 12, 15), None, Conclusion.FAIL),
        (Interval(1, 5, 9), None, Conclusion.INCONCLUSIVE),
        (None, Interval(50, 60, 70), Conclusion.INCONCLUSIVE),
    ],
)
def test_the_rule(main: Interval | None, control: Interval | None, conclusion: Conclusion) -> None:
    assert decide(main, control, [])[0] is conclusion


def test_figures_are_reported_for_each_arm_kind_and_operation() -> None:
    run = MadeUpRun()
    run.spoil(is_order, outcome=Outcome.SHED)

    found = judge(run).figures

    for arm in Arm:
        for kind, operation in (("idle", "notification"), ("flood", "order")):
            for series in ("accept", "wait", "broker", "prefetch", "run", "end_to_end"):
                values = found[f"{arm}/{kind}/{operation}/{series}_ms"]
                assert 0 < values["p50"] <= values["p95"] <= values["p99"] <= values["max"]
                assert values["n"] > 200
    assert found["main/idle/notification/run_ms"]["p50"] == pytest.approx(20)
    assert found["main/flood/order/outcomes"]["shed"] == 1
    assert found["main/flood/depths"] == {"default": 300, "priority": 1}
    assert found["generator/lag_ms"]["n"] == len(run.samples)


def test_end_to_end_takes_off_what_the_shops_clock_is_ahead() -> None:
    run = MadeUpRun()
    here = judge(run).figures["main/idle/notification/end_to_end_ms"]["p50"]
    stamps = ("first_enqueued_ms", "enqueued_ms", "received_ms", "started_ms", "finished_ms")
    run.samples = [
        replace(one, **{stamp: getattr(one, stamp) + 60_000 for stamp in stamps})
        for one in run.samples
    ]

    verdict = judge(run)

    assert clock_ahead_ms(run.samples) == pytest.approx(60_000, abs=10)
    there = verdict.figures["main/idle/notification/end_to_end_ms"]["p50"]
    assert there == pytest.approx(here, abs=10)
    assert verdict.conclusion is Conclusion.PASS


def test_so_far_says_what_some_blocks_say() -> None:
    run = MadeUpRun()
    first = {block.number for block in run.schedule.of(Arm.MAIN)[:4]}
    run.samples = [one for one in run.samples if one.block in first]

    verdict = judge_so_far(run.events)

    assert verdict.conclusion is Conclusion.INCONCLUSIVE
    assert verdict.reasons == ["so far: the control has no ratio"]
    assert verdict.ratios[MAIN_RATIO].high < 10
    assert set(verdict.ratios) == {MAIN_RATIO, SAME_KIND_RATIO}


def test_so_far_sees_a_bad_topology_before_the_run_ends() -> None:
    run = MadeUpRun(flood_times=60)
    first = {block.number for block in run.schedule.of(Arm.MAIN)[:4]}
    run.samples = [one for one in run.samples if one.block in first]

    assert judge_so_far(run.events).conclusion is Conclusion.FAIL


def test_so_far_passes_once_the_control_has_shown_itself() -> None:
    verdict = judge_so_far(MadeUpRun().events)

    assert verdict.conclusion is Conclusion.PASS
    assert all(reason.startswith("so far: ") for reason in verdict.reasons)


def test_so_far_is_silent_of_what_is_yet_to_come() -> None:
    verdict = judge_so_far([])

    assert verdict.conclusion is Conclusion.INCONCLUSIVE
    assert "every arrival accounted for" not in {gate.name for gate in verdict.gates}


def test_so_far_sees_a_loss() -> None:
    run = MadeUpRun()
    run.spoil(is_order, outcome=Outcome.FAILED)

    assert judge_so_far(run.events).conclusion is Conclusion.FAIL
