"""Whether a series grows with time, by an estimate that single bursts do not move."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loadtest.verdict.bootstrap import LEVEL, Floats
from loadtest.verdict.verdict import Interval

#: Of a soak: caches fill, pools and allocators reach their size.
WARM_UP_SHARE = 0.25
RESAMPLES = 1_000
#: A longer series is cut into so many stretches, each of which its median stands for.
MAX_POINTS = 100
#: Fewer show no trend.
MIN_POINTS = 10
HOUR_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Series:
    """Something that should not grow."""

    name: str
    unit: str
    times_s: Sequence[float]
    values: Sequence[float]
    #: Growth that is no leak, in the unit.
    tolerance_per_hour: float
    #: The same as a share of what it is anyway; the larger of both counts.
    tolerance_share_per_hour: float = 0.0


@dataclass(frozen=True, slots=True)
class Trend:
    """How a series went after its warm-up."""

    series: Series
    points: int
    lasted_s: float
    #: The median of all.
    level: float
    #: In the series' unit; an interval of 95 %.
    growth_per_hour: Interval

    @property
    def allowed_per_hour(self) -> float:
        share = self.series.tolerance_share_per_hour * abs(self.level)
        return max(self.series.tolerance_per_hour, share)

    @property
    def grows(self) -> bool:
        """More than is allowed, surely."""
        return self.growth_per_hour.low > self.allowed_per_hour

    @property
    def holds(self) -> bool:
        """Surely no more than is allowed; neither this nor `grows` means that it is open."""
        return self.growth_per_hour.high <= self.allowed_per_hour

    @property
    def line(self) -> str:
        growth, unit = self.growth_per_hour, self.series.unit
        return (
            f"{self.series.name}: {growth.point:+.3g} {unit}/hour "
            f"({growth.low:+.3g} to {growth.high:+.3g}) at a level of {self.level:.3g}; "
            f"at most {self.allowed_per_hour:+.3g}"
        )


def trend_of(
    series: Series,
    *,
    warm_up_share: float = WARM_UP_SHARE,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Trend | None:
    """The slope after the warm-up, which is a share of the whole time; None of too few values."""
    times, values = _after_warm_up(series, warm_up_share)
    if len(times) < MIN_POINTS or times[0] == times[-1]:
        return None
    count, lasted_s, level = len(times), float(times[-1] - times[0]), float(np.median(values))
    slope = slope_of(*_thinned(times, values), seed=seed, resamples=resamples)
    growth = Interval(slope.low * HOUR_S, slope.point * HOUR_S, slope.high * HOUR_S)
    return Trend(series, count, lasted_s, level, growth)


def slope_of(
    places: Floats, values: Floats, *, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """How much more of the values there is for one more of the places, which ascend and differ.

    Theil-Sen: the median of the slopes between all pairs. The interval, of 95 %, is by bootstrap of
    what is left of the line, in stretches, for neighbours of such series are alike.
    """
    earlier, later = np.triu_indices(len(places), k=1)
    spans = places[later] - places[earlier]
    earlier, later, spans = earlier[spans > 0], later[spans > 0], spans[spans > 0]

    slope = float(np.median((values[later] - values[earlier]) / spans))
    left = values - slope * places
    source = np.random.default_rng(seed)
    slopes = np.empty(resamples)
    for number in range(resamples):
        drawn = slope * places + _stretches(source, left)
        slopes[number] = np.median((drawn[later] - drawn[earlier]) / spans)
    low, high = np.quantile(slopes, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), slope, float(high))


def _after_warm_up(series: Series, share: float) -> tuple[Floats, Floats]:
    """In the order of time."""
    times = np.asarray(series.times_s, dtype=np.float64)
    values = np.asarray(series.values, dtype=np.float64)
    if not len(times):
        return times, values
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    kept = times >= times[0] + share * (times[-1] - times[0])
    return times[kept], values[kept]


def _thinned(times: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Medians of stretches of about equal numbers of values."""
    if len(times) <= MAX_POINTS:
        return times, values
    parts = np.array_split(np.arange(len(times)), MAX_POINTS)
    return (
        np.array([np.median(times[part]) for part in parts]),
        np.array([np.median(values[part]) for part in parts]),
    )


def _stretches(source: np.random.Generator, left: Floats) -> Floats:
    """As many values, put together from stretches that begin anywhere; the end meets the start."""
    count = len(left)
    length = int(np.ceil(np.sqrt(count)))
    starts = source.integers(0, count, size=-(-count // length))
    places = (starts[:, None] + np.arange(length)).reshape(-1)[:count] % count
    drawn: Floats = left[places]
    return drawn
