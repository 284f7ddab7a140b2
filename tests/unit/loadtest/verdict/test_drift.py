"""Growth is told from noise, bursts and warming up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.verdict.drift import HOUR_S, WARM_UP_SHARE, Series, Trend, trend_of

TIMES_S = np.arange(0, 3600.0, 5)


def series(values: object, *, tolerance: float = 16.0, share: float = 0.0) -> Series:
    found = np.asarray(values, dtype=np.float64)
    return Series("memory", "MiB", list(TIMES_S[: len(found)]), list(found), tolerance, share)


def trend(of: Series, *, warm_up_share: float = WARM_UP_SHARE) -> Trend:
    found = trend_of(of, resamples=200, seed=1, warm_up_share=warm_up_share)
    assert found is not None
    return found


def noise(seed: int, *, likeness: float = 0.0) -> np.typing.NDArray[np.float64]:
    """Of deviation 1; each value is like the one before by `likeness`."""
    source = np.random.default_rng(seed)
    values = source.normal(size=len(TIMES_S))
    for place in range(1, len(values)):
        values[place] = likeness * values[place - 1] + np.sqrt(1 - likeness**2) * values[place]
    return values


def test_what_stands_still_holds() -> None:
    found = trend(series(80 + noise(1)))

    assert found.holds
    assert not found.grows
    assert found.level == pytest.approx(80, abs=0.2)


def test_what_grows_beyond_its_tolerance_grows() -> None:
    found = trend(series(80 + 40 * TIMES_S / HOUR_S + noise(2)))

    assert found.grows
    assert not found.holds
    assert found.growth_per_hour.point == pytest.approx(40, rel=0.05)


def test_what_grows_within_its_tolerance_holds() -> None:
    assert trend(series(80 + 10 * TIMES_S / HOUR_S + noise(3))).holds


def test_growth_around_the_tolerance_is_open() -> None:
    found = trend(series(80 + 16 * TIMES_S / HOUR_S + 5 * noise(4)))

    assert not found.grows
    assert not found.holds


def test_what_shrinks_holds() -> None:
    assert trend(series(80 - 40 * TIMES_S / HOUR_S + noise(5))).holds


def test_the_larger_tolerance_counts() -> None:
    growing = 800 + 40 * TIMES_S / HOUR_S + noise(6)

    assert trend(series(growing, share=0.1)).holds
    assert trend(series(growing, share=0.01)).grows


def test_a_warm_up_is_no_growth() -> None:
    warming = 80 + 60 * np.minimum(TIMES_S / 1700, 1) + noise(7)

    assert trend(series(warming), warm_up_share=0.5).holds
    assert trend(series(warming), warm_up_share=0.0).grows


def test_bursts_are_no_growth() -> None:
    source = np.random.default_rng(8)
    values = 80 + noise(8)
    # Late ones, as of a neighbour that woke: one value in ten.
    late = source.choice(np.arange(500, 720), size=72, replace=False)
    values[late] += 500

    assert trend(series(values)).holds


def test_what_never_changes_has_no_growth_at_all() -> None:
    growth = trend(series(np.full(len(TIMES_S), 5.0))).growth_per_hour

    assert (growth.low, growth.point, growth.high) == pytest.approx((0, 0, 0))


@pytest.mark.parametrize(("likeness", "least"), [(0.0, 0.88), (0.9, 0.75)])
def test_the_interval_holds_the_true_growth_in_most_runs(likeness: float, least: float) -> None:
    held = 0
    for seed in range(60):
        growth = trend(
            series(80 + 20 * TIMES_S / HOUR_S + noise(seed, likeness=likeness))
        ).growth_per_hour
        held += growth.low <= 20 <= growth.high

    assert held / 60 >= least


def test_values_that_hang_together_widen_the_interval() -> None:
    alone, together = (trend(series(noise(9, likeness=x))).growth_per_hour for x in (0.0, 0.95))

    assert together.high - together.low > 2 * (alone.high - alone.low)


@pytest.mark.parametrize("count", [0, 1, 9, 12])
def test_too_few_values_have_no_trend(count: int) -> None:
    assert trend_of(series(np.arange(count))) is None


def test_values_at_one_time_have_no_trend() -> None:
    assert trend_of(Series("memory", "MiB", [1.0] * 50, [2.0] * 50, 16)) is None


def test_the_order_of_the_values_does_not_matter() -> None:
    values = list(80 + 40 * TIMES_S / HOUR_S + noise(10))
    backwards = Series("memory", "MiB", list(TIMES_S)[::-1], values[::-1], 16.0)

    assert trend(backwards).growth_per_hour == trend(series(values)).growth_per_hour


def test_a_line_names_the_growth_and_what_is_allowed() -> None:
    line = trend(series(80 + 40 * TIMES_S / HOUR_S)).line

    assert line == "memory: +40 MiB/hour (+40 to +40) at a level of 105; at most +16"


@given(st.floats(-1000, 1000), st.floats(-1000, 1000))
def test_a_straight_line_has_its_slope(slope: float, start: float) -> None:
    straight = Series(
        "straight", "MiB", list(TIMES_S[:60]), list(start + slope * TIMES_S[:60] / HOUR_S), 16.0
    )

    found = trend_of(straight, resamples=20)

    assert found is not None
    growth = found.growth_per_hour
    assert (growth.low, growth.point, growth.high) == pytest.approx((slope,) * 3, abs=1e-3)
