"""Latencies as HDR histograms: one file for each arm, kind, operation and series."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader, HistogramLogWriter

from loadtest.history import Sample, Walked, clock_ahead_ms
from loadtest.schedule import Arm, Kind, Operation
from loadtest.verdict.bootstrap import measured

#: Microseconds: one, and an hour.
LOWEST_US, HIGHEST_US = 1, 3_600_000_000
DIGITS = 3


class Series(StrEnum):
    """A stretch of an operation's life."""

    #: From the intended time to the HTTP answer.
    ACCEPT = "accept"
    #: From the first publication to the start: the two that follow together.
    WAIT = "wait"
    #: Before a worker received it.
    BROKER = "broker"
    #: After a worker received it.
    PREFETCH = "prefetch"
    #: From the intended time to the end.
    END_TO_END = "end-to-end"


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """What the latencies of one histogram have in common."""

    arm: Arm
    kind: Kind
    operation: Operation
    series: Series

    @property
    def name(self) -> str:
        return f"{self.arm}-{self.kind}-{self.operation}-{self.series}"

    @classmethod
    def named(cls, name: str) -> "Group":
        """The inverse of `name`."""
        arm, kind, operation, series = name.split("-", 3)
        return cls(Arm(arm), Kind(kind), Operation(operation), Series(series))


def grouped(samples: Iterable[Sample]) -> dict[Group, list[tuple[int, float]]]:
    """Block's number and milliseconds of each operation that came so far."""
    samples = list(samples)
    # Each arm may run on another machine, with a clock of its own.
    ahead_ms = {arm: clock_ahead_ms(s for s in samples if s.arm is arm) for arm in Arm}
    spans: Mapping[Series, Callable[[Sample], float | None]] = {
        Series.ACCEPT: lambda sample: sample.accept_ms,
        Series.WAIT: lambda sample: sample.wait_ms,
        Series.BROKER: lambda sample: sample.broker_ms,
        Series.PREFETCH: lambda sample: sample.prefetch_ms,
        Series.END_TO_END: lambda sample: sample.end_to_end_ms(ahead_ms[sample.arm]),
    }
    groups = defaultdict[Group, list[tuple[int, float]]](list)
    for sample in samples:
        for series, span in spans.items():
            latency_ms = span(sample)
            if latency_ms is not None:
                group = Group(sample.arm, sample.kind, sample.operation, series)
                groups[group].append((sample.block, latency_ms))
    return dict(sorted(groups.items()))


def new_histogram() -> HdrHistogram:
    return HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS)


def histogram(latencies_ms: Iterable[float]) -> HdrHistogram:
    """In microseconds; what is longer than an hour counts as an hour."""
    counts = new_histogram()
    for latency_ms in latencies_ms:
        counts.record_value(min(max(round(latency_ms * 1000), LOWEST_US), HIGHEST_US))
    return counts


def write(folder: Path, samples: Iterable[Sample], walked: Iterable[Walked]) -> list[Path]:
    """A file for each group of the measured samples, and in it an interval for each block."""
    blocks = {block.block: block for block in walked}
    files = list[Path]()
    for group, latencies in grouped(measured(samples)).items():
        by_block = defaultdict[int, list[float]](list)
        for block, latency_ms in latencies:
            by_block[block].append(latency_ms)
        files.append(folder / f"{group.name}.hlog")
        _write_file(files[-1], group, [(blocks.get(b), by_block[b]) for b in sorted(by_block)])
    return files


def _write_file(
    file: Path, group: Group, intervals: Sequence[tuple[Walked | None, list[float]]]
) -> None:
    with file.open("w", encoding="utf-8") as out:
        log = HistogramLogWriter(out)
        log.output_log_format_version()
        log.output_comment(f"[{group.name}, microseconds; an interval is a block]")
        began = [block.began_ms for block, _ in intervals if block is not None]
        if began:
            # The writer's own method for this line fails. Rounded down: a reader leaves out what
            # lies before it.
            start_s = math.floor(min(began)) / 1000
            log.output_comment(f"[StartTime: {start_s:.3f} (seconds since epoch)]")
        log.output_legend()
        for block, latencies_ms in intervals:
            counts = histogram(latencies_ms)
            if block is not None:
                counts.set_start_time_stamp(block.began_ms)
                counts.set_end_time_stamp(block.ended_ms)
            log.output_interval_histogram(counts, max_value_unit_ratio=1000.0)


def read(file: Path) -> HdrHistogram:
    """All intervals of a file added up, microseconds."""
    log = HistogramLogReader(str(file), new_histogram())
    counts = new_histogram()
    try:
        while (interval := log.get_next_interval_histogram()) is not None:
            counts.add(interval)
    finally:
        log.close()
    return counts
