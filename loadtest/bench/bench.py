"""What a bench consists of, and what it finds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from loadtest.bench.interval import Floats, median_interval, ratio_interval
from loadtest.verdict.drift import MIN_POINTS, slope_of
from loadtest.verdict.verdict import Interval

#: Fewer rounds show no spread to be sure by.
SURE_FROM_ROUNDS = 3
#: A series' beginning and its end are a part each of so many.
ENDS = 4

#: Tells whoever waits, one line, what is being measured now.
Show = Callable[[str], None]


class BenchBroke(Exception):
    """The bench could not be measured, and says nothing; one line says why."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a ratio or a figure has to reach; bounds are part of it."""

    at_least: float | None = None
    at_most: float | None = None

    def holds(self, value: float) -> bool:
        above = self.at_least is None or value >= self.at_least
        return above and (self.at_most is None or value <= self.at_most)

    def holds_surely(self, interval: Interval) -> bool:
        """Whether the whole interval is on the right side."""
        return self.holds(interval.low) and self.holds(interval.high)

    def __str__(self) -> str:
        bounds = (("≥", self.at_least), ("≤", self.at_most))
        return ", ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The shop and a baseline, measured in the same rounds."""

    #: Such as `POST /order: shop / bare`; names the ratio.
    name: str
    #: Of the values, such as `orders/s`.
    unit: str
    #: A value a round, the baseline's of the same rounds; all above 0.
    shop: Sequence[float]
    baseline: Sequence[float]
    #: Of the ratio.
    reach: Reach | None = None

    @property
    def ratio(self) -> Interval:
        """Shop over baseline: the geometric mean of the rounds' ratios. Raises `BenchBroke`."""
        if not self.shop or len(self.shop) != len(self.baseline):
            raise BenchBroke(f"{self.name}: the values are not one a round for both")
        if min(*self.shop, *self.baseline) <= 0:
            raise BenchBroke(f"{self.name}: a round gave nothing")
        return ratio_interval(self.shop, self.baseline)

    @property
    def interval(self) -> Interval:
        """What `reach` is about."""
        return self.ratio

    @property
    def rounds(self) -> int:
        return len(self.shop)


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that is measured by itself, such as a time to start."""

    name: str
    unit: str
    #: A value a round.
    values: Sequence[float]
    reach: Reach | None = None

    @property
    def interval(self) -> Interval:
        """The median. Raises `BenchBroke`."""
        if not self.values:
            raise BenchBroke(f"{self.name}: there are no values")
        return median_interval(self.values)

    @property
    def rounds(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Growth:
    """By how much something grows with what was done, in one run; its reach is an `at_most`."""

    name: str
    #: Of the values.
    unit: str
    rounds: int
    #: Rounds that were done when a value was measured, parts of one too; ascending.
    done: Sequence[float]
    values: Sequence[float]
    reach: Reach | None = None

    @property
    def interval(self) -> Interval:
        """A round's growth: the slope, or the rise from beginning to end where that is steeper.

        Of a series that goes up and down by itself, two single values would say little; and the
        slope between most pairs says nothing of a step that stays. Raises `BenchBroke`.
        """
        if len(self.values) < MIN_POINTS or len(self.values) != len(self.done):
            raise BenchBroke(f"{self.name}: the values are too few, or not one for each amount")
        done, values = np.asarray(self.done, np.float64), np.asarray(self.values, np.float64)
        slope, rise = slope_of(done, values), _rise(done, values)
        return Interval(min(slope.low, rise), max(slope.point, rise), max(slope.high, rise))


def _rise(done: Floats, values: Floats) -> float:
    """From the median of the first quarter to that of the last one."""
    ends = len(values) // ENDS
    (begun, low), (ended, high) = (
        (np.median(done[part]), np.median(values[part]))
        for part in (slice(ends), slice(-ends, None))
    )
    return float((high - low) / (ended - begun))


Finding = Comparison | Figure | Growth


@dataclass(frozen=True, slots=True)
class Result:
    """What a bench found."""

    comparisons: Sequence[Comparison] = ()
    figures: Sequence[Figure] = ()
    growths: Sequence[Growth] = ()

    @property
    def findings(self) -> Sequence[Finding]:
        return [*self.comparisons, *self.figures, *self.growths]


class Bench(Protocol):
    """One question, answered by measuring."""

    @property
    def name(self) -> str: ...

    @property
    def question(self) -> str:
        """One line."""

    def run(self, rounds: int | None, show: Show) -> Result:
        """Measure, in so many rounds or the bench's own number of them.

        Ends everything that it starts. Raises `BenchBroke`, `StackFailed`, `TimedOut`.
        """


def is_reached(finding: Finding) -> bool | None:
    """By the point estimate; None where nothing is to be reached."""
    return None if finding.reach is None else finding.reach.holds(finding.interval.point)


def is_sure(finding: Finding) -> bool:
    """Whether `is_reached` answers the same over the whole interval, of enough rounds."""
    if finding.reach is None or finding.rounds < SURE_FROM_ROUNDS:
        return False
    if is_reached(finding):
        return finding.reach.holds_surely(finding.interval)
    return not any(map(finding.reach.holds, (finding.interval.low, finding.interval.high)))
