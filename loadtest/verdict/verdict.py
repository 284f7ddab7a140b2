"""What a run's judgement consists of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any


class Conclusion(IntEnum):
    """The value is the exit code; 2 says that the harness broke, and is no conclusion."""

    PASS = 0
    FAIL = 1
    INCONCLUSIVE = 3


@dataclass(frozen=True, slots=True)
class Interval:
    """A ratio with the interval that its bootstrap gives."""

    low: float
    point: float
    high: float


@dataclass(frozen=True, slots=True)
class Gate:
    """Something that must hold for a run to say anything."""

    name: str
    holds: bool
    #: One line: what was seen, and what was asked for.
    detail: str
    #: Whether a broken gate is the shop's failure, such as a lost order, and not a run that says
    #: nothing.
    is_failure: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, and why."""

    conclusion: Conclusion
    reasons: Sequence[str]
    gates: Sequence[Gate]
    #: Such as `p95 flood / idle` and `control`.
    ratios: Mapping[str, Interval] = field(default_factory=dict)
    #: Milliseconds and counts, reported and never gated: series -> statistic -> value.
    figures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "conclusion": self.conclusion.name,
            "exit_code": int(self.conclusion),
            "reasons": list(self.reasons),
            "gates": [
                {"name": g.name, "holds": g.holds, "detail": g.detail, "is_failure": g.is_failure}
                for g in self.gates
            ],
            "ratios": {
                name: {"low": r.low, "point": r.point, "high": r.high}
                for name, r in self.ratios.items()
            },
            "figures": {name: dict(values) for name, values in self.figures.items()},
        }
