"""Does anything grow, or slow down, with time?"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from loadtest.history import Depth, Event, Memory, Outcome, Sample, Walked
from loadtest.schedule import Operation, Schedule
from loadtest.verdict import gates as gate
from loadtest.verdict.bootstrap import FLOOR_MS, measured, quantile_of
from loadtest.verdict.concluding import conclude
from loadtest.verdict.drift import RESAMPLES, Series, Trend, trend_of
from loadtest.verdict.figures import Figures, figures
from loadtest.verdict.record import Record
from loadtest.verdict.verdict import Gate, Interval, Verdict

#: After the warm-up, seconds: what a process takes in its first minutes is no leak.
MIN_MEASURED_S = 20 * 60.0
MIB = 2**20
#: Of a process. At some ten operations a second, a leak of 1 KiB by each makes 35 MiB an hour.
MEMORY_MIB_PER_HOUR = 16.0
MEMORY_SHARE_PER_HOUR = 0.1
#: Orders that wait, or are owed something.
BACKLOG_PER_HOUR = 10.0
#: Of a wait, and of what Redis takes for each order.
SHARE_PER_HOUR = 0.5
REDIS = "redis"
#: What Redis keeps of an order and of its probes, at the least; below it a change is no matter.
REDIS_BYTES_PER_ORDER = 4_096.0
#: A percentile of waits is taken over so long.
WINDOW_S = 10.0
#: Windows in which Redis' memory is set against the orders that were finished.
REDIS_WINDOWS = 40


def judge_soak(
    schedule: Schedule,
    events: Iterable[Event],
    *,
    gates: Sequence[Gate] = (),
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Verdict:
    """FAIL where a series surely grows beyond its tolerance, PASS where surely none does."""
    events = list(events)
    record = Record.of(events)
    samples = record.samples
    memory = [event for event in events if isinstance(event, Memory)]
    series = [
        *processes(memory),
        *redis_by_order(memory, samples),
        *backlogs(record.depths, record.walked),
        *waits(samples),
    ]
    trends = [trend for one in series if (trend := trend_of(one, seed=seed, resamples=resamples))]
    measured_s = max((trend.lasted_s for trend in trends), default=0.0)
    long_enough = Gate(
        "long enough",
        measured_s >= MIN_MEASURED_S,
        f"{measured_s / 60:.1f} minutes after the warm-up; at least {MIN_MEASURED_S / 60:.0f}",
    )
    checked = [
        *gates,
        long_enough,
        memory_was_seen(trends),
        none_shed(samples),
        gate.in_time(samples),
        gate.nothing_dropped(samples),
        gate.accounted(schedule, samples),
        gate.answered(samples),
        gate.delivered_once(samples),
        gate.drained(schedule, record.walked),
        gate.nothing_lost(samples),
    ]
    growing = [trend.line for trend in trends if trend.grows]
    conclusion, reasons = conclude(
        checked,
        failures=growing if long_enough.holds else [],
        doubts=[trend.line for trend in trends if not trend.holds],
        confirmed=[f"none of {len(trends)} series grows beyond its tolerance"],
    )
    return Verdict(
        conclusion, reasons, checked, _ratios(trends), figures(record) | _trend_figures(trends)
    )


def processes(memory: Iterable[Memory]) -> Iterator[Series]:
    """Each process; not Redis, which is there to keep what it is given."""
    held = defaultdict[str, list[Memory]](list)
    for one in memory:
        # Nothing is held while a process is away.
        if one.process != REDIS and one.held_bytes > 0:
            held[one.process].append(one)
    for process, readings in sorted(held.items()):
        yield Series(
            f"memory of {process}",
            "MiB",
            [one.at_ms / 1000 for one in readings],
            [one.held_bytes / MIB for one in readings],
            MEMORY_MIB_PER_HOUR,
            MEMORY_SHARE_PER_HOUR,
        )


def redis_by_order(memory: Iterable[Memory], samples: Iterable[Sample]) -> Iterator[Series]:
    """What Redis takes for each finished order: that it takes some is as it should be.

    Orders and invoices are kept for good, so its memory grows with them; a leak is that it grows
    faster and faster, or without them.
    """
    readings = sorted((one for one in memory if one.process == REDIS), key=lambda one: one.at_ms)
    finished_ms = sorted(
        sample.finished_ms
        for sample in samples
        if sample.operation is Operation.ORDER and sample.finished_ms is not None
    )
    step = max(1, len(readings) // REDIS_WINDOWS)
    ends = readings[::step]
    times_s, values = list[float](), list[float]()
    for before, after in pairwise(ends):
        orders = int(
            np.searchsorted(finished_ms, after.at_ms) - np.searchsorted(finished_ms, before.at_ms)
        )
        times_s.append((before.at_ms + after.at_ms) / 2000)
        values.append((after.held_bytes - before.held_bytes) / max(1, orders))
    if values:
        yield Series(
            "Redis memory for each order",
            "bytes",
            times_s,
            values,
            SHARE_PER_HOUR * REDIS_BYTES_PER_ORDER,
            SHARE_PER_HOUR,
        )


def backlogs(depths: Iterable[Depth], walked: Iterable[Walked]) -> Iterator[Series]:
    """What waits, and what is owed, while blocks are walked."""
    spans = [(span.began_ms, span.ended_ms) for span in walked]
    inside = [depth for depth in depths if any(began <= depth.at_ms <= end for began, end in spans)]
    counts: dict[str, Callable[[Depth], int]] = {
        "backlog of default": lambda depth: depth.default,
        "backlog of priority": lambda depth: depth.priority,
        "open orders": lambda depth: depth.open_orders,
    }
    if not inside:
        return
    for name, count in counts.items():
        yield Series(
            name,
            "tasks",
            [depth.at_ms / 1000 for depth in inside],
            [count(depth) for depth in inside],
            BACKLOG_PER_HOUR,
            SHARE_PER_HOUR,
        )


def waits(samples: Iterable[Sample]) -> Iterator[Series]:
    """The median and the p95 of each operation's wait, a window each."""
    windows = defaultdict[tuple[Operation, int], list[float]](list)
    for sample in measured(samples):
        if sample.wait_ms is not None:
            window = int(sample.intended_ms / 1000 // WINDOW_S)
            windows[sample.operation, window].append(sample.wait_ms)
    for operation in Operation:
        places = sorted(window for one, window in windows if one is operation)
        for name, share in (("p50", 0.5), ("p95", 0.95)):
            if places:
                yield Series(
                    f"{name} wait of {operation}",
                    "ms",
                    [(place + 0.5) * WINDOW_S for place in places],
                    [quantile_of(np.array(windows[operation, place]), share) for place in places],
                    SHARE_PER_HOUR * FLOOR_MS,
                    SHARE_PER_HOUR,
                )


def memory_was_seen(trends: Sequence[Trend]) -> Gate:
    """Of Redis, and of some process beside it."""
    seen = [trend.series.name for trend in trends if "memory" in trend.series.name.lower()]
    return Gate(
        "memory was seen",
        any("Redis" in name for name in seen) and any("memory of" in name for name in seen),
        f"{len(seen)} series of it; Redis and a process at least",
    )


def none_shed(samples: Iterable[Sample]) -> Gate:
    """A soak's load is one that the shop can take."""
    shed = sum(sample.outcome is Outcome.SHED for sample in samples)
    return Gate("nothing was shed", shed == 0, f"{shed} were; none may be")


def _ratios(trends: Sequence[Trend]) -> dict[str, Interval]:
    """An hour later over now, of what is not next to nothing."""
    return {
        f"an hour later / now: {trend.series.name}": Interval(
            *(
                1 + growth / trend.level
                for growth in (
                    trend.growth_per_hour.low,
                    trend.growth_per_hour.point,
                    trend.growth_per_hour.high,
                )
            )
        )
        for trend in trends
        if trend.level >= trend.series.tolerance_per_hour
    }


def _trend_figures(trends: Sequence[Trend]) -> Figures:
    return {
        f"{trend.series.name}, {trend.series.unit}/growth": {
            "level": trend.level,
            "an hour": trend.growth_per_hour.point,
            "low": trend.growth_per_hour.low,
            "high": trend.growth_per_hour.high,
            "allowed": trend.allowed_per_hour,
        }
        for trend in trends
    }
