"""What must hold for a run to say anything, one function each."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import fmean

import numpy as np

from loadtest.history import Depth, Outcome, Sample, Walked
from loadtest.schedule import Arm, Block, Kind, Operation, Schedule
from loadtest.verdict.bootstrap import measured, quantile_of
from loadtest.verdict.verdict import Gate, Interval

MAX_LAG_P99_MS = 20.0
#: Seconds' worth of the offered orders that must wait when a flood's block ends.
MIN_BACKLOG_S = 1.0
#: Fewer depths than these in a block show no rise.
MIN_DEPTHS = 4
#: Below it a p95 hangs on a handful of values.
MIN_SAMPLES = 200


def flooded(schedule: Schedule, depths: Sequence[Depth], walked: Sequence[Walked]) -> Gate:
    """The backlog of `default` rose in every flood, and ended it above a second's orders."""
    name = "the flood flooded"
    blocks = [block for block in schedule.blocks if block.kind is Kind.FLOOD]
    spans = {span.block: span for span in walked}
    if not blocks:
        return Gate(name, False, "no block of the schedule is a flood")
    lowest = float("inf")
    for block in blocks:
        seen = _depths_within(spans.get(block.number), depths)
        if len(seen) < MIN_DEPTHS:
            return Gate(
                name, False, f"block {block.number}: {len(seen)} depths seen, {MIN_DEPTHS} needed"
            )
        half = len(seen) // 2
        earlier, later = fmean(seen[:half]), fmean(seen[half:])
        if later <= earlier:
            return Gate(
                name,
                False,
                f"block {block.number}: the backlog of default fell from {earlier:.0f} "
                f"to {later:.0f} orders",
            )
        needed = MIN_BACKLOG_S * offered_per_s(block)
        if seen[-1] < needed:
            return Gate(
                name,
                False,
                f"block {block.number} ended with {seen[-1]} waiting in default; "
                f"at least {needed:.0f} asked",
            )
        lowest = min(lowest, seen[-1])
    return Gate(
        name, True, f"{len(blocks)} floods, each rising; the least ended with {lowest:.0f} waiting"
    )


def offered_per_s(block: Block) -> float:
    """Orders of the schedule, not of what was accepted."""
    orders = sum(arrival.operation is Operation.ORDER for arrival in block.arrivals)
    return orders / block.duration_s


def _depths_within(span: Walked | None, depths: Sequence[Depth]) -> list[int]:
    if span is None:
        return []
    return [
        depth.default
        for depth in sorted(depths, key=lambda depth: depth.at_ms)
        if span.began_ms <= depth.at_ms <= span.ended_ms
    ]


def in_time(samples: Iterable[Sample]) -> Gate:
    """The generator sent when it meant to."""
    name = "generator lag"
    lags = [sample.lag_ms for sample in samples if sample.lag_ms is not None]
    if not lags:
        return Gate(name, False, "nothing was sent")
    p99_ms = quantile_of(np.array(lags), 0.99)
    return Gate(
        name,
        p99_ms <= MAX_LAG_P99_MS,
        f"p99 {p99_ms:.1f} ms, longest {max(lags):.1f} ms; p99 at most {MAX_LAG_P99_MS:.0f} ms",
    )


def nothing_dropped(samples: Iterable[Sample]) -> Gate:
    """The generator's pool never was full."""
    dropped = sum(sample.outcome is Outcome.DROPPED for sample in samples)
    return Gate("nothing dropped", dropped == 0, f"{dropped} arrivals were never sent; none may be")


def accounted(schedule: Schedule, samples: Iterable[Sample]) -> Gate:
    """Each arrival has one sample, and each probe is done and has all its stamps."""
    name = "every arrival accounted for"
    arrivals = {
        (block.number, arrival.key) for block in schedule.blocks for arrival in block.arrivals
    }
    if not arrivals:
        return Gate(name, False, "the schedule is empty")
    seen = Counter[tuple[int, str]]()
    unfit, unstamped = list[str](), list[str]()
    for sample in samples:
        seen[sample.block, sample.key] += 1
        if sample.operation is not Operation.NOTIFICATION:
            continue
        if sample.outcome is not Outcome.DONE:
            unfit.append(sample.key)
        elif None in (sample.accept_ms, sample.wait_ms, sample.run_ms):
            unstamped.append(sample.key)
    problems = {
        "without a sample": [key for block, key in sorted(arrivals - seen.keys())],
        "never scheduled": [key for block, key in sorted(seen.keys() - arrivals)],
        "recorded more than once": [key for (_, key), times in seen.items() if times > 1],
        "probes not done": unfit,
        "probes without their stamps": unstamped,
    }
    return Gate(
        name,
        not any(problems.values()),
        _listed(problems) or f"{len(arrivals)} arrivals, each seen once, each probe done",
    )


def answered(samples: Iterable[Sample]) -> Gate:
    """Every request was accepted, or refused as the shop may refuse."""
    wrong = [
        f"{sample.key} ({sample.error or sample.http_status})"
        for sample in samples
        if sample.outcome is Outcome.ERROR
    ]
    return Gate(
        "no wrong answer", not wrong, _listed({"wrong answers": wrong}) or "no wrong answer"
    )


def delivered_once(samples: Iterable[Sample]) -> Gate:
    """Nothing in the measured part was delivered again: a redelivery's wait is another matter."""
    again = [sample.key for sample in measured(samples) if sample.deliveries > 1]
    return Gate(
        "no redelivery",
        not again,
        _listed({"delivered more than once": again}) or "nothing was delivered more than once",
    )


def like_itself(same_kind: Interval | None) -> Gate:
    """Idle against idle shows no difference: else the machine changed under the run."""
    name = "idle is like idle"
    if same_kind is None:
        return Gate(name, False, "no set has two idle blocks")
    return Gate(
        name,
        same_kind.low <= 1 <= same_kind.high,
        f"A/A ratio {same_kind.point:.2f} ({same_kind.low:.2f} to {same_kind.high:.2f}); "
        "1 must be within",
    )


def drained(schedule: Schedule, walked: Sequence[Walked]) -> Gate:
    """Every block was walked once, and the shop was empty before the next began."""
    name = "drained between blocks"
    times = Counter(span.block for span in walked)
    in_order = sorted(walked, key=lambda span: span.began_ms)
    problems = {
        "blocks not walked": [b.number for b in schedule.blocks if times[b.number] == 0],
        "blocks walked again": [number for number, count in times.items() if count > 1],
        "blocks after which the shop was not empty": [
            span.block for span in in_order if span.drained_ms is None
        ],
        "blocks begun before the shop was empty": [
            span.block
            for before, span in pairwise(in_order)
            if before.drained_ms is not None and span.began_ms < before.drained_ms
        ],
    }
    return Gate(
        name,
        not any(problems.values()) and bool(walked),
        _listed(problems) or f"{len(walked)} blocks, the shop empty after each",
    )


def nothing_lost(samples: Iterable[Sample]) -> Gate:
    """Everything that the shop accepted it finished; if not, that is its failure."""
    problems: dict[str, list[str]] = {"accepted and unfinished": [], "accepted and failed": []}
    accepted = 0
    for sample in samples:
        match sample.outcome:
            case Outcome.DONE:
                accepted += 1
            case Outcome.UNFINISHED:
                problems["accepted and unfinished"].append(sample.key)
            case Outcome.FAILED:
                problems["accepted and failed"].append(sample.key)
    return Gate(
        "nothing accepted was lost",
        not any(problems.values()),
        _listed(problems) or f"all {accepted} accepted operations were finished",
        is_failure=True,
    )


def enough(arm: Arm, counts: Mapping[Kind, int]) -> Gate:
    """Both sides of a ratio have the samples that its p95 needs."""
    shown = ", ".join(f"{kind} {count}" for kind, count in counts.items())
    return Gate(
        enough_name(arm),
        bool(counts) and min(counts.values()) >= MIN_SAMPLES,
        f"{shown}; at least {MIN_SAMPLES} each",
    )


def enough_name(arm: Arm) -> str:
    return f"enough probes ({arm})"


def _listed(problems: dict[str, list[str]] | dict[str, list[int]]) -> str:
    """One line: how many of each, and the first three; empty if there are none."""
    return "; ".join(
        f"{len(found)} {what}: {', '.join(str(one) for one in found[:3])}"
        + (" ..." if len(found) > 3 else "")
        for what, found in problems.items()
        if found
    )
