"""A soak fails by a leak or a drift, and says nothing when it was short."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from loadtest.history import Event, Memory, Outcome
from loadtest.schedule import Operation, Rates, draw_steady
from loadtest.verdict.soak import (
    MIB,
    REDIS,
    backlogs,
    judge_soak,
    processes,
    redis_by_order,
    waits,
)
from loadtest.verdict.verdict import Conclusion, Gate, Verdict
from tests.unit.loadtest.verdict.made_up import START_MS, MadeUpRun, is_order, is_probe

#: Half an hour, in blocks; few arrivals, so that the tests are quick.
BLOCKS, BLOCK_S = 30, 60.0
EVERY_MS = 10_000
BYTES_PER_ORDER = 20_000


class MadeUpSoak(MadeUpRun):
    """What every process held beside the rest."""

    def __init__(self, *, blocks: int = BLOCKS, leak_mib_per_hour: float = 0.0) -> None:
        rates = Rates(probes_per_s=1, orders_per_s=1)
        super().__init__(draw_steady(3, blocks=blocks, block_s=BLOCK_S, rates=rates))
        self.memory: list[Memory] = []
        finished_ms = sorted(one.finished_ms or 0 for one in self.samples if is_order(one))
        at_ms, orders = START_MS, 0
        while at_ms < self.walked[-1].ended_ms:
            hours = (at_ms - START_MS) / 3_600_000
            wobble = int(at_ms / EVERY_MS) % 3 * MIB
            while orders < len(finished_ms) and finished_ms[orders] <= at_ms:
                orders += 1
            self.memory += [
                Memory(at_ms, "api", 90 * MIB + wobble + int(leak_mib_per_hour * hours * MIB)),
                Memory(at_ms, "worker-default", 120 * MIB + wobble),
                Memory(at_ms, REDIS, 5 * MIB + orders * BYTES_PER_ORDER),
            ]
            at_ms += EVERY_MS

    @property
    def events(self) -> list[Event]:
        return [*super().events, *self.memory]

    def slow_down(self, factor_per_hour: float, operation: Operation) -> None:
        """Waits of 50 ms grow to so many times that in an hour."""
        for place, one in enumerate(self.samples):
            if one.operation is operation and one.first_enqueued_ms is not None:
                hours = (one.intended_ms - START_MS) / 3_600_000
                wait_ms = 50 * (1 + (factor_per_hour - 1) * hours) + place % 7
                self.samples[place] = replace(one, started_ms=one.first_enqueued_ms + wait_ms)


def judge(run: MadeUpSoak, *further: Gate) -> Verdict:
    return judge_soak(run.schedule, run.events, gates=further, resamples=100)


def broken(verdict: Verdict) -> set[str]:
    return {gate.name for gate in verdict.gates if not gate.holds}


def test_a_soak_in_which_nothing_grows_passes() -> None:
    verdict = judge(MadeUpSoak())

    assert verdict.conclusion is Conclusion.PASS
    assert broken(verdict) == set()
    assert verdict.ratios["an hour later / now: memory of api"].high < 1.1
    assert verdict.figures["memory of api, MiB/growth"]["level"] == pytest.approx(91)
    assert verdict.figures["main/steady/order/wait_ms"]["n"] > 1_500


def test_a_leak_fails() -> None:
    verdict = judge(MadeUpSoak(leak_mib_per_hour=60))

    assert verdict.conclusion is Conclusion.FAIL
    assert verdict.reasons[0].startswith("memory of api: +60")
    assert len(verdict.reasons) == 1


def test_a_leak_around_the_tolerance_is_inconclusive() -> None:
    run = MadeUpSoak(leak_mib_per_hour=16)
    run.memory = [
        replace(one, held_bytes=one.held_bytes + (int(one.at_ms / EVERY_MS) * 7 % 11) * 2 * MIB)
        for one in run.memory
    ]

    verdict = judge(run)

    assert verdict.conclusion is Conclusion.INCONCLUSIVE
    assert verdict.reasons[0].startswith("memory of api: +")


@pytest.mark.parametrize("operation", list(Operation))
def test_waits_that_drift_fail(operation: Operation) -> None:
    run = MadeUpSoak()
    run.slow_down(5, operation)

    verdict = judge(run)

    assert verdict.conclusion is Conclusion.FAIL
    assert f"wait of {operation}" in verdict.reasons[0]


def test_a_backlog_that_grows_fails() -> None:
    run = MadeUpSoak()
    run.depths = [
        replace(depth, open_orders=int((depth.at_ms - START_MS) / 20_000)) for depth in run.depths
    ]

    verdict = judge(run)

    assert verdict.conclusion is Conclusion.FAIL
    assert verdict.reasons[0].startswith("open orders: +180")


def test_redis_may_keep_what_it_was_given() -> None:
    run = MadeUpSoak()
    held = [one.held_bytes for one in run.memory if one.process == REDIS]
    assert held[-1] > 6 * held[0]

    assert judge(run).conclusion is Conclusion.PASS


def test_redis_that_takes_more_and_more_for_each_order_fails() -> None:
    run = MadeUpSoak()
    run.memory = [
        replace(one, held_bytes=one.held_bytes + int(((one.at_ms - START_MS) / 1000) ** 2 * 20))
        if one.process == REDIS
        else one
        for one in run.memory
    ]

    verdict = judge(run)

    assert verdict.conclusion is Conclusion.FAIL
    assert verdict.reasons[0].startswith("Redis memory for each order: +")


@pytest.mark.parametrize("leak_mib_per_hour", [0, 60])
def test_a_short_soak_says_nothing_of_leaks(leak_mib_per_hour: float) -> None:
    verdict = judge(MadeUpSoak(blocks=8, leak_mib_per_hour=leak_mib_per_hour))

    assert "long enough" in broken(verdict)
    assert verdict.conclusion is Conclusion.INCONCLUSIVE


def test_a_short_soak_that_lost_an_order_fails() -> None:
    run = MadeUpSoak(blocks=8)
    run.spoil(is_order, outcome=Outcome.FAILED)

    assert judge(run).conclusion is Conclusion.FAIL


@pytest.mark.parametrize("process", [REDIS, "api"])
def test_memory_has_to_be_seen(process: str) -> None:
    run = MadeUpSoak()
    kept = {REDIS} if process != REDIS else {"api", "worker-default"}
    run.memory = [one for one in run.memory if one.process in kept]

    verdict = judge(run)

    assert broken(verdict) == {"memory was seen"}
    assert verdict.conclusion is Conclusion.INCONCLUSIVE


def test_without_any_event_nothing_is_said() -> None:
    run = MadeUpSoak(blocks=1)

    verdict = judge_soak(run.schedule, [])

    assert verdict.conclusion is Conclusion.INCONCLUSIVE


def _drop(run: MadeUpSoak) -> None:
    run.spoil(is_order, outcome=Outcome.DROPPED)


def _shed(run: MadeUpSoak) -> None:
    run.spoil(is_order, outcome=Outcome.SHED)


def _forget(run: MadeUpSoak) -> None:
    run.samples.remove(next(filter(is_probe, run.samples)))


def _answer_wrongly(run: MadeUpSoak) -> None:
    run.spoil(is_order, outcome=Outcome.ERROR, http_status=500)


def _redeliver(run: MadeUpSoak) -> None:
    run.spoil(lambda one: one.at_s > 1, deliveries=2)


def _lag(run: MadeUpSoak) -> None:
    run.samples = [replace(one, sent_ms=one.intended_ms + 30) for one in run.samples]


def _leave_work(run: MadeUpSoak) -> None:
    run.walked[0] = replace(run.walked[0], drained_ms=None)


@pytest.mark.parametrize(
    ("spoil", "gate"),
    [
        (_drop, "nothing dropped"),
        (_shed, "nothing was shed"),
        (_forget, "every arrival accounted for"),
        (_answer_wrongly, "no wrong answer"),
        (_redeliver, "no redelivery"),
        (_lag, "generator lag"),
        (_leave_work, "drained between blocks"),
    ],
)
def test_one_broken_gate_is_inconclusive(spoil: Callable[[MadeUpSoak], None], gate: str) -> None:
    run = MadeUpSoak()
    spoil(run)

    verdict = judge(run)

    assert broken(verdict) == {gate}
    assert verdict.conclusion is Conclusion.INCONCLUSIVE


def test_a_process_that_was_away_held_nothing_then() -> None:
    (series,) = processes([Memory(1_000, "api", 0), Memory(2_000, "api", 3 * MIB)])

    assert (series.times_s, series.values) == ([2.0], [3.0])


def test_what_nobody_saw_has_no_series() -> None:
    assert [*processes([]), *redis_by_order([], []), *backlogs([], []), *waits([])] == []


def test_depths_between_blocks_are_no_backlog() -> None:
    run = MadeUpSoak(blocks=1)
    late = replace(run.depths[0], at_ms=run.walked[-1].ended_ms + 1, default=10_000)

    default, *_ = backlogs([*run.depths, late], run.walked)

    assert max(default.values) == 0
