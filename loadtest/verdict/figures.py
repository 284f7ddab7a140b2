"""Milliseconds and counts of a run: reported, never gated."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from loadtest.history import Depth, Sample, Walked, clock_ahead_ms
from loadtest.verdict.bootstrap import measured, quantile_of
from loadtest.verdict.record import Record

Figures = dict[str, Mapping[str, float]]

SERIES: Mapping[str, Callable[[Sample], float | None]] = {
    "accept_ms": lambda sample: sample.accept_ms,
    "wait_ms": lambda sample: sample.wait_ms,
    "broker_ms": lambda sample: sample.broker_ms,
    "prefetch_ms": lambda sample: sample.prefetch_ms,
    "run_ms": lambda sample: sample.run_ms,
}


def figures(record: Record) -> Figures:
    """By `arm/kind/operation/series`; times of the measured part, outcomes and depths of all.

    Beside the series of times each operation has `outcomes`, each arm and kind has `depths`, and
    all together `generator/lag_ms`.
    """
    found = Figures()
    groups = defaultdict[str, list[Sample]](list)
    for sample in record.samples:
        groups[f"{sample.arm}/{sample.kind}/{sample.operation}"].append(sample)
    # Each arm has a stack, and so perhaps a clock, of its own.
    ahead_ms = {
        arm: clock_ahead_ms(sample for sample in record.samples if sample.arm is arm)
        for arm in {sample.arm for sample in record.samples}
    }
    for name, samples in sorted(groups.items()):
        for series, value in SERIES.items():
            _add(found, f"{name}/{series}", map(value, measured(samples)))
        _add(
            found,
            f"{name}/end_to_end_ms",
            (sample.end_to_end_ms(ahead_ms[sample.arm]) for sample in measured(samples)),
        )
        found[f"{name}/outcomes"] = {
            str(outcome): count
            for outcome, count in sorted(Counter(sample.outcome for sample in samples).items())
        }
        found[f"{name}/deliveries"] = {
            "n": len(samples),
            "more_than_once": sum(sample.deliveries > 1 for sample in samples),
            "published_again": sum(_published_again(sample) for sample in samples),
        }
    _add(found, "generator/lag_ms", (sample.lag_ms for sample in record.samples))
    return found | _deepest(record.depths, record.walked)


def statistics_of(values: Sequence[float]) -> dict[str, float]:
    """Count and percentiles of what is not empty."""
    array = np.array(values, dtype=np.float64)
    return {
        "n": len(array),
        "p50": quantile_of(array, 0.5),
        "p95": quantile_of(array, 0.95),
        "p99": quantile_of(array, 0.99),
        "max": float(array.max()),
    }


def _add(found: Figures, name: str, values: Iterable[float | None]) -> None:
    present = [value for value in values if value is not None]
    if present:
        found[name] = statistics_of(present)


def _published_again(sample: Sample) -> bool:
    return (
        sample.first_enqueued_ms is not None
        and sample.enqueued_ms is not None
        and sample.enqueued_ms > sample.first_enqueued_ms
    )


def _deepest(depths: Sequence[Depth], walked: Sequence[Walked]) -> Figures:
    found = dict[str, dict[str, float]]()
    for span in walked:
        most = found.setdefault(f"{span.arm}/{span.kind}/depths", {"default": 0, "priority": 0})
        for depth in depths:
            if span.began_ms <= depth.at_ms <= span.ended_ms:
                most["default"] = max(most["default"], depth.default)
                most["priority"] = max(most["priority"], depth.priority)
    return dict(sorted(found.items()))
