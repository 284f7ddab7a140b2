"""What a picture shows, as a sentence."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from loadtest.history import Sample
from loadtest.report.plots.style import ms
from loadtest.schedule import Arm, Kind
from loadtest.verdict.bootstrap import measured, quantile_of
from loadtest.verdict.record import Record

Value = Callable[[Sample], float | None]

_WHEN = {Kind.FLOOD: "under the flood", Kind.STEADY: "under steady load", Kind.IDLE: "when idle"}
#: Of fewer samples a p95 is the largest, or nearly so.
_LEAST = 40


def values_ms(samples: Iterable[Sample], value: Value) -> list[float]:
    """Those of the measured samples that have one."""
    return [found for sample in measured(samples) if (found := value(sample)) is not None]


def p95_of(samples: Iterable[Sample], value: Value) -> float | None:
    """None where nothing was measured."""
    found = values_ms(samples, value)
    return quantile_of(np.array(found, dtype=np.float64), 0.95) if found else None


def change_of(record: Record, value: Value, what: str) -> str:
    """What the flood did to the probes' p95, beside what it did in the control.

    Says less where there is less to say: of runs without floods, and of runs cut off.
    """
    changes = {arm: change for arm in Arm if (change := _change(record, arm, value)) is not None}
    if Arm.MAIN in changes:
        beside = f"; in the control {changes[Arm.CONTROL]}" if Arm.CONTROL in changes else ""
        return f"A flood takes the probes' {what} {changes[Arm.MAIN]}{beside}"
    for kind, when in _WHEN.items():
        probes = record.probes(Arm.MAIN, kind)
        found = p95_of(probes, value)
        if found is None:
            continue
        ends = _ends(probes, value)
        if kind is Kind.STEADY and ends is not None:
            return (
                f"The probes' {what}: {ms(ends[0])} in the first tenth, {ms(ends[1])} in the last"
            )
        return f"The probes' {what}: {ms(found)} {when}"
    if Arm.CONTROL in changes:
        return f"In the control a flood takes the probes' {what} {changes[Arm.CONTROL]}"
    return f"The probes' {what} along the run"


def _change(record: Record, arm: Arm, value: Value) -> str | None:
    """None if one kind of block was not measured."""
    idle = p95_of(record.probes(arm, Kind.IDLE), value)
    flood = p95_of(record.probes(arm, Kind.FLOOD), value)
    return None if idle is None or flood is None else f"from {ms(idle)} to {ms(flood)}"


def _ends(probes: Sequence[Sample], value: Value) -> tuple[float, float] | None:
    """The p95 of the first and of the last tenth, of runs in which a tenth says something."""
    ordered = sorted(measured(probes), key=lambda sample: sample.intended_ms)
    count = len(ordered) // 10
    if count < _LEAST:
        return None
    first, last = p95_of(ordered[:count], value), p95_of(ordered[-count:], value)
    return None if first is None or last is None else (first, last)
