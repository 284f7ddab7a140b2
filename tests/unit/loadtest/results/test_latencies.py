"""Histograms on disk say what the samples said."""

from pathlib import Path

import pytest
from hdrh.log import HistogramLogReader

from loadtest.history import Sample, Walked
from loadtest.results import latencies
from loadtest.results.latencies import Group, Series
from loadtest.schedule import Arm, Kind, Operation
from loadtest.verdict.bootstrap import measured
from tests.unit.loadtest.made_up_run import made_up_run, made_up_schedule

WAITS = Group(Arm.CONTROL, Kind.FLOOD, Operation.NOTIFICATION, Series.WAIT)
EVENTS = made_up_run(made_up_schedule(1, 1, 4.0))
SAMPLES = [event for event in EVENTS if isinstance(event, Sample)]
WALKED = [event for event in EVENTS if isinstance(event, Walked)]


def test_what_is_read_is_what_was_measured(tmp_path: Path) -> None:
    latencies.write(tmp_path, SAMPLES, WALKED)
    waits_ms = sorted(
        sample.wait_ms
        for sample in measured(SAMPLES)
        if sample.arm is WAITS.arm
        and sample.kind is WAITS.kind
        and sample.operation is WAITS.operation
        and sample.wait_ms is not None
    )
    counts = latencies.read(tmp_path / f"{WAITS.name}.hlog")
    assert counts.get_total_count() == len(waits_ms)
    assert counts.get_max_value() / 1000 == pytest.approx(waits_ms[-1], rel=0.001)
    median_ms = waits_ms[len(waits_ms) // 2]
    assert counts.get_value_at_percentile(50) / 1000 == pytest.approx(median_ms, rel=0.02)


def test_each_block_is_an_interval_with_its_times(tmp_path: Path) -> None:
    latencies.write(tmp_path, SAMPLES, WALKED)
    floods = [b for b in WALKED if b.arm is WAITS.arm and b.kind is WAITS.kind]
    log = HistogramLogReader(str(tmp_path / f"{WAITS.name}.hlog"), latencies.new_histogram())
    try:
        starts_ms = []
        while (interval := log.get_next_interval_histogram()) is not None:
            starts_ms.append(interval.get_start_time_stamp())
    finally:
        log.close()
    assert starts_ms == pytest.approx([block.began_ms for block in floods], abs=1)


def test_there_is_a_file_for_each_group_that_has_samples(tmp_path: Path) -> None:
    files = latencies.write(tmp_path, SAMPLES, WALKED)
    groups = {Group.named(file.stem) for file in files}
    assert len(groups) == len(files) == len(list(tmp_path.iterdir()))
    assert {group.series for group in groups} == set(Series)
    assert not any(g.kind is Kind.IDLE and g.operation is Operation.ORDER for g in groups)


def test_a_run_that_was_cut_off_has_no_walked_block(tmp_path: Path) -> None:
    files = latencies.write(tmp_path, SAMPLES[:200], [])
    assert all(latencies.read(file).get_total_count() > 0 for file in files)


def test_what_is_out_of_bounds_counts_as_the_bound() -> None:
    counts = latencies.histogram([0.0, 1e9])
    assert counts.get_total_count() == 2
    assert counts.get_min_value() == latencies.LOWEST_US
    assert counts.get_max_value() == pytest.approx(latencies.HIGHEST_US, rel=0.001)
