"""The ratio of two quantiles, and how far chance alone may have moved it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadtest.history import Sample
from loadtest.verdict.verdict import Interval

RESAMPLES = 2_000
LEVEL = 0.95
#: A quantile below it counts as it: between waits of 1 and 3 ms there is no difference to tell.
FLOOR_MS = 5.0
#: The first second of each block is discarded: the one before it was another kind.
WARM_UP_S = 1.0
#: What one resampling holds in memory at a time, samples.
_CHUNK = 250_000

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Values with where they stand; four arrays of one length."""

    values: Floats
    set_numbers: Integers
    blocks: Integers
    #: After the block's start, seconds.
    at_s: Floats

    def __len__(self) -> int:
        return len(self.values)

    def where(self, mask: NDArray[np.bool_]) -> "Observations":
        return Observations(
            self.values[mask], self.set_numbers[mask], self.blocks[mask], self.at_s[mask]
        )


def measured(samples: Iterable[Sample]) -> Iterator[Sample]:
    """Those that are not of their block's first second."""
    return (sample for sample in samples if sample.at_s >= WARM_UP_S)


def observe(samples: Iterable[Sample], value: Callable[[Sample], float | None]) -> Observations:
    """The measured samples that have the value."""
    rows = [
        (found, sample.set_number, sample.block, sample.at_s)
        for sample in measured(samples)
        if (found := value(sample)) is not None
    ]
    return Observations(
        np.array([row[0] for row in rows], dtype=np.float64),
        np.array([row[1] for row in rows], dtype=np.int64),
        np.array([row[2] for row in rows], dtype=np.int64),
        np.array([row[3] for row in rows], dtype=np.float64),
    )


def quantile_of(values: Floats, share: float) -> float:
    """The least value that is not exceeded by `share` of all; one that was really seen."""
    return float(np.quantile(values, share, method="inverted_cdf"))


def ratio_interval(
    above: Observations,
    below: Observations,
    *,
    share: float = 0.95,
    floor: float = FLOOR_MS,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval | None:
    """Quantile of `above` over that of `below`, the latter at least `floor`.

    Hierarchical bootstrap: sets are drawn with replacement, the same for both sides, and inside
    each the one-second blocks of each side. So neither a bad minute nor a bad second counts as
    many independent observations. With one set only the upper level is trivial: the interval then
    knows nothing of how sets differ. Sets that one side lacks do not count; None if none is left.
    """
    common = np.intersect1d(above.set_numbers, below.set_numbers)
    if not len(common):
        return None
    above = above.where(np.isin(above.set_numbers, common))
    below = below.where(np.isin(below.set_numbers, common))
    source = np.random.default_rng(seed)
    drawn = _draw_sets(source, len(common), resamples)
    ratios = _resample(source, above, drawn, share) / np.maximum(
        _resample(source, below, drawn, share), floor
    )
    point = quantile_of(above.values, share) / max(quantile_of(below.values, share), floor)
    return _interval(ratios, point)


def change_interval(
    before: Observations,
    after: Observations,
    *,
    share: float = 0.95,
    floor: float = FLOOR_MS,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval | None:
    """Quantile of `after` over that of `before`, for two runs: their sets have no partners.

    Both are at least `floor`, so that exchanging the runs inverts the ratio; None if one is empty.
    """
    if not len(before) or not len(after):
        return None
    source = np.random.default_rng(seed)
    sides = [
        np.maximum(
            _resample(
                source,
                side,
                _draw_sets(source, len(np.unique(side.set_numbers)), resamples),
                share,
            ),
            floor,
        )
        for side in (before, after)
    ]
    points = [max(quantile_of(side.values, share), floor) for side in (before, after)]
    return _interval(sides[1] / sides[0], points[1] / points[0])


def same_kind_interval(
    idle: Observations,
    *,
    share: float = 0.95,
    floor: float = FLOOR_MS,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval | None:
    """A/A: one block of each set over the other of the same kind; None where no set has two.

    Which is the upper one alternates from set to set, and both sides are at least `floor`: where
    nothing differs the ratio is centred on 1, and a steady drift cancels out as it does in ABBA.
    """
    upper = np.zeros(len(idle), dtype=np.bool_)
    lower = np.zeros(len(idle), dtype=np.bool_)
    for place, set_number in enumerate(np.unique(idle.set_numbers)):
        inside = idle.set_numbers == set_number
        blocks = np.unique(idle.blocks[inside])
        if len(blocks) < 2:
            continue
        first, second = (blocks[0], blocks[-1]) if place % 2 == 0 else (blocks[-1], blocks[0])
        upper |= inside & (idle.blocks == first)
        lower |= inside & (idle.blocks == second)

    def at_least_floor(part: Observations) -> Observations:
        return Observations(
            np.maximum(part.values, floor), part.set_numbers, part.blocks, part.at_s
        )

    return ratio_interval(
        at_least_floor(idle.where(upper)),
        at_least_floor(idle.where(lower)),
        share=share,
        floor=floor,
        seed=seed,
        resamples=resamples,
    )


def _draw_sets(source: np.random.Generator, count: int, resamples: int) -> Integers:
    """How often each set is drawn; resamples x sets."""
    return source.multinomial(count, np.full(count, 1 / count), size=resamples)


def _resample(
    source: np.random.Generator, side: Observations, drawn: Integers, share: float
) -> Floats:
    """The quantile in each resample, given how often that drew each of the side's sets."""
    order = np.argsort(side.values)
    values = side.values[order]
    seconds = np.stack([side.set_numbers, side.blocks, np.floor(side.at_s).astype(np.int64)])
    cells, cell_of = np.unique(seconds[:, order], axis=1, return_inverse=True)
    cell_of = cell_of.reshape(-1)

    counts = np.zeros((len(drawn), cells.shape[1]), dtype=np.int32)
    for place, set_number in enumerate(np.unique(side.set_numbers)):
        inside = np.flatnonzero(cells[0] == set_number)
        chances = np.full(len(inside), 1 / len(inside))
        # A set that was drawn twice has its seconds drawn twice.
        counts[:, inside] = source.multinomial(drawn[:, place] * len(inside), chances)

    quantiles = np.empty(len(drawn), dtype=np.float64)
    step = max(1, _CHUNK // len(values))
    for start in range(0, len(drawn), step):
        # How many of a resample's values are not above each of the sorted ones.
        ranks = np.cumsum(counts[start : start + step, cell_of], axis=1, dtype=np.int32)
        wanted = np.maximum(1, np.ceil(share * ranks[:, -1:] - 1e-9))
        quantiles[start : start + step] = values[np.argmax(ranks >= wanted, axis=1)]
    return quantiles


def _interval(ratios: Floats, point: float) -> Interval:
    low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), point, float(high))
