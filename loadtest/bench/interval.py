"""How far chance alone may have moved what a few rounds show."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loadtest.verdict.verdict import Interval

RESAMPLES = 10_000
LEVEL = 0.95

Floats = NDArray[np.float64]


def ratio_interval(above: Sequence[float], below: Sequence[float], *, seed: int = 0) -> Interval:
    """Geometric mean of the rounds' ratios, all values above 0; rounds are drawn in pairs.

    What slowed both sides of a round down is in neither. With one round the interval is a point.
    """
    logs = np.log(np.asarray(above, dtype=np.float64)) - np.log(np.asarray(below, np.float64))
    means = _resampled(logs, seed).mean(axis=1)
    low, high = _bounds(means)
    return Interval(float(np.exp(low)), float(np.exp(logs.mean())), float(np.exp(high)))


def median_interval(values: Sequence[float], *, seed: int = 0) -> Interval:
    """The median of the rounds."""
    every = np.asarray(values, dtype=np.float64)
    low, high = _bounds(np.median(_resampled(every, seed), axis=1))
    return Interval(low, float(np.median(every)), high)


def _resampled(values: Floats, seed: int) -> Floats:
    """Resamples x rounds."""
    source = np.random.default_rng(seed)
    drawn: Floats = values[source.integers(0, len(values), size=(RESAMPLES, len(values)))]
    return drawn


def _bounds(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
