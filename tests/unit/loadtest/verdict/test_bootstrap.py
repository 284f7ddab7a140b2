"""Intervals of ratios: true to size, honest about few sets, quick, and repeatable."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.history import Sample
from loadtest.schedule import Arm, Kind
from loadtest.verdict import bootstrap
from loadtest.verdict.bootstrap import (
    Observations,
    change_interval,
    observe,
    quantile_of,
    ratio_interval,
    same_kind_interval,
)
from loadtest.verdict.record import Record
from loadtest.verdict.verdict import Interval
from tests.unit.loadtest.verdict.made_up import MadeUpRun, observations

#: Of the standard log-normal with sigma 0.5, for a scale of 1.
TRUE_P95 = float(np.exp(0.5 * 1.6448536))


def times(of: Observations, factor: float) -> Observations:
    return Observations(of.values * factor, of.set_numbers, of.blocks, of.at_s)


def only_set(of: Observations, number: int) -> Observations:
    return of.where(of.set_numbers == number)


def found(ratio: Interval | None) -> Interval:
    assert ratio is not None
    return ratio


def width(ratio: Interval) -> float:
    return ratio.high / ratio.low


def test_with_one_set_the_interval_holds_the_true_ratio_in_about_95_of_100_runs() -> None:
    held, widths = _calibration(sets=1, block_s=50)

    assert 0.90 <= held <= 0.99
    assert np.median(widths) < 1.5


def test_with_sets_that_do_not_differ_the_interval_errs_on_the_wide_side() -> None:
    held, widths = _calibration(sets=5, block_s=10)

    # Resampling both levels counts chance twice there.
    assert held >= 0.95
    assert np.median(widths) < 2


def _calibration(*, sets: int, block_s: int) -> tuple[float, list[float]]:
    """The share of runs whose interval holds the true ratio, and the widths."""
    source = np.random.default_rng(1)
    held, widths = 0, list[float]()
    for run in range(150):
        flood, idle = (
            observations(source, scale=scale, sets=sets, block_s=block_s, rate_per_s=5)
            for scale in (30, 10)
        )
        ratio = found(ratio_interval(flood, idle, seed=run, resamples=300))
        held += ratio.low <= 3 <= ratio.high
        widths.append(width(ratio))
    return held / 150, widths


def test_an_interval_for_whatever_differs_between_sets_holds_the_true_ratio_too() -> None:
    source = np.random.default_rng(2)
    held = 0
    for run in range(120):
        factors = source.lognormal(0, 0.3, size=8)
        flood = observations(source, scale=30, sets=8, rate_per_s=5, set_factors=factors)
        idle = observations(source, scale=10, sets=8, rate_per_s=5)
        ratio = found(ratio_interval(flood, idle, seed=run, resamples=300))
        truth = 3 * _mixture_p95(0.3) / TRUE_P95
        held += ratio.low <= truth <= ratio.high

    # Eight sets are few for what differs between sets: a percentile bootstrap falls short then.
    assert 0.80 <= held / 120 <= 1.0


def _mixture_p95(sigma_of_sets: float) -> float:
    return float(np.exp(np.hypot(0.5, sigma_of_sets) * 1.6448536))


def test_seconds_that_hang_together_widen_the_interval() -> None:
    source = np.random.default_rng(3)
    idle = observations(source, scale=10)
    flood = observations(source, scale=30)
    # The same values, but each second's are alike: fewer independent ones.
    clumped = Observations(np.sort(flood.values), flood.set_numbers, flood.blocks, flood.at_s)

    loose = found(ratio_interval(clumped, idle, resamples=500))
    tight = found(ratio_interval(flood, idle, resamples=500))

    assert width(loose) > 1.5 * width(tight)


def test_sets_that_differ_widen_the_interval_and_one_set_alone_cannot_know() -> None:
    source = np.random.default_rng(4)
    idle = observations(source, scale=10)
    factors = np.array([1.0, 1.0, 1.0, 1.0, 6.0])
    flood = observations(source, scale=20, set_factors=factors)

    whole = found(ratio_interval(flood, idle, resamples=500))
    one = found(ratio_interval(only_set(flood, 0), only_set(idle, 0), resamples=500))

    assert width(whole) > 2 * width(one)


def test_a_bad_set_that_slows_both_sides_does_not_widen_much_for_they_are_drawn_together() -> None:
    source = np.random.default_rng(5)
    factors = np.array([1.0, 8.0])
    idle = observations(source, scale=10, sets=2, set_factors=factors)
    flood = observations(source, scale=20, sets=2, set_factors=factors)

    together = found(ratio_interval(flood, idle, resamples=500))
    apart = found(change_interval(idle, flood, resamples=500))

    assert width(together) < width(apart) / 4


def test_below_the_floor_idle_counts_as_the_floor() -> None:
    source = np.random.default_rng(6)
    idle, flood = observations(source, scale=0.1), observations(source, scale=10)

    ratio = found(ratio_interval(flood, idle, resamples=300))

    assert ratio.point == pytest.approx(quantile_of(flood.values, 0.95) / 5)
    assert ratio.high < 6


def test_zeros_are_no_trouble() -> None:
    nothing = times(observations(np.random.default_rng(6), scale=1), 0)

    assert ratio_interval(nothing, nothing, resamples=50) == Interval(0, 0, 0)
    assert same_kind_interval(nothing, resamples=50) == Interval(1, 1, 1)
    assert change_interval(nothing, nothing, resamples=50) == Interval(1, 1, 1)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    source = np.random.default_rng(7)
    flood, idle = observations(source, scale=30), observations(source, scale=10)

    once, again, other = (
        ratio_interval(flood, idle, seed=seed, resamples=200) for seed in (1, 1, 2)
    )

    assert once == again != other


def test_a_p99_is_further_out_than_a_p95() -> None:
    source = np.random.default_rng(8)
    flood, idle = observations(source, scale=30), observations(source, scale=0.1)

    p99 = found(ratio_interval(flood, idle, share=0.99, resamples=200))

    assert p99.low > found(ratio_interval(flood, idle, resamples=200)).high


def test_a_set_that_one_side_lacks_does_not_count() -> None:
    source = np.random.default_rng(9)
    flood, idle = observations(source, scale=30), observations(source, scale=10)
    spoilt = np.where(flood.set_numbers == 4, 1_000_000.0, flood.values)
    flood = Observations(spoilt, flood.set_numbers, flood.blocks, flood.at_s)
    idle = idle.where(idle.set_numbers != 4)

    assert found(ratio_interval(flood, idle, resamples=200)).high < 10


def test_without_a_common_set_there_is_no_ratio() -> None:
    both = observations(np.random.default_rng(10), scale=10, sets=2)

    assert ratio_interval(only_set(both, 0), only_set(both, 1)) is None
    assert change_interval(both, only_set(both, 5)) is None


def test_twenty_thousand_samples_take_less_than_five_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = np.random.default_rng(11)
    flood = observations(source, scale=30, block_s=50)
    idle = observations(source, scale=10, block_s=50)
    assert len(flood) + len(idle) == 20_000

    began_s = time.process_time()
    whole = ratio_interval(flood, idle)
    took_s = time.process_time() - began_s

    assert took_s < 5
    # Memory is bounded by taking the resamples in portions, which changes nothing.
    monkeypatch.setattr(bootstrap, "_CHUNK", 30_000)
    assert ratio_interval(flood, idle) == whole


def test_idle_against_idle_includes_1_where_nothing_differs() -> None:
    source = np.random.default_rng(12)
    runs = [
        found(same_kind_interval(observations(source, scale=10), seed=run, resamples=300))
        for run in range(100)
    ]

    assert sum(one.low <= 1 <= one.high for one in runs) >= 92
    assert np.median([one.point for one in runs]) == pytest.approx(1, abs=0.05)


def test_idle_against_idle_is_blind_to_a_steady_drift_as_abba_is() -> None:
    source = np.random.default_rng(13)
    idle = observations(source, scale=10, sets=4)
    second = idle.blocks % 2 == 1
    drifting = Observations(
        np.where(second, 1.3, 1.0) * idle.values, idle.set_numbers, idle.blocks, idle.at_s
    )

    ratio = found(same_kind_interval(drifting, resamples=500))

    assert ratio.low <= 1 <= ratio.high


@pytest.mark.parametrize("factor", [3.0, 1 / 3.0])
def test_idle_against_idle_excludes_1_where_half_of_the_blocks_are_another_world(
    factor: float,
) -> None:
    idle = observations(np.random.default_rng(14), scale=20, sets=4)
    # First blocks of even sets and second ones of odd sets: one side of the comparison.
    upper = (idle.blocks % 2) == (idle.set_numbers % 2)
    spoilt = Observations(
        np.where(upper, factor, 1.0) * idle.values, idle.set_numbers, idle.blocks, idle.at_s
    )

    ratio = found(same_kind_interval(spoilt, resamples=500))

    assert not ratio.low <= 1 <= ratio.high
    assert ratio.point == pytest.approx(factor, rel=0.25)


def test_one_idle_block_in_a_set_has_nothing_to_be_compared_with() -> None:
    idle = observations(np.random.default_rng(15), scale=20, blocks=1)

    assert same_kind_interval(idle) is None


def test_exchanging_two_runs_inverts_their_ratio() -> None:
    source = np.random.default_rng(16)
    one, other = observations(source, scale=30), observations(source, scale=2, sets=3)

    there = found(change_interval(one, other, resamples=500))
    back = found(change_interval(other, one, resamples=500))

    assert there.point == pytest.approx(1 / back.point)
    assert there.low == pytest.approx(1 / back.high, rel=0.1)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_quantile_is_a_value_that_was_seen_and_at_least_its_share_is_not_above(
    values: list[float], share: float
) -> None:
    quantile = quantile_of(np.array(values), share)

    assert quantile in values
    assert sum(value <= quantile for value in values) >= share * len(values) - 1e-9


@given(st.floats(0.01, 1000), st.integers(0, 2**32))
def test_multiplying_the_flood_multiplies_the_interval(factor: float, seed: int) -> None:
    source = np.random.default_rng(seed)
    idle = observations(source, scale=100, sets=2, block_s=3, rate_per_s=5)
    flood = observations(source, scale=200, sets=2, block_s=3, rate_per_s=5)

    once = found(ratio_interval(flood, idle, seed=seed, resamples=50))
    more = found(ratio_interval(times(flood, factor), idle, seed=seed, resamples=50))

    assert [more.low, more.point, more.high] == pytest.approx(
        [once.low * factor, once.point * factor, once.high * factor]
    )


def test_the_first_second_of_a_block_is_not_measured() -> None:
    run = MadeUpRun()
    run.spoil(lambda sample: sample.at_s < 1, count=None, started_ms=9e15)
    probes = Record.of(run.events).probes(Arm.MAIN, Kind.IDLE)

    seen = observe(probes, _wait_ms)

    assert seen.values.max() < 1_000
    assert seen.at_s.min() >= 1
    assert len(seen) == sum(probe.at_s >= 1 for probe in probes)


def test_samples_without_the_value_are_not_observed() -> None:
    run = MadeUpRun()
    run.spoil(count=None, started_ms=None)

    assert len(observe(run.samples, _wait_ms)) == 0


def _wait_ms(sample: Sample) -> float | None:
    return sample.wait_ms
