"""What a drill is, and what it shows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured against one promise; it is kept when no value is above `at_most`."""

    #: Such as `taken up again after a worker was killed`.
    promise: str
    #: Of each repetition.
    values: Sequence[float]
    at_most: float
    #: `s`, or `` for a count.
    unit: str = "s"

    @property
    def is_kept(self) -> bool:
        return bool(self.values) and max(self.values) <= self.at_most

    @property
    def median(self) -> float | None:
        return median(self.values) if self.values else None

    @property
    def worst(self) -> float | None:
        return max(self.values, default=None)


@dataclass(frozen=True, slots=True)
class Result:
    """A drill's figures, and what else is worth a line."""

    figures: Sequence[Figure]
    remarks: Sequence[str] = field(default_factory=tuple)

    @property
    def is_kept(self) -> bool:
        return all(figure.is_kept for figure in self.figures)


class Drill(Protocol):
    """`times` repetitions on stacks of its own; what it leaves to look at goes to the folder.

    Raises `StackFailed`, `TimedOut` or `FaultDidNotTakeHold` when nothing could be measured.
    """

    def __call__(
        self, folder: Path, *, times: int, seed: int, on_progress: Callable[[str], None]
    ) -> Result: ...
