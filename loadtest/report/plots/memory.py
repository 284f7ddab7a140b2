"""What each process held along a soak."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from loadtest.history import Memory, Walked
from loadtest.report.plots import style
from loadtest.report.plots.timeline import Clock, Window, clock_of, label_faults, shade, time_axis

_MIB = 1 << 20
#: More lines than these can't be told apart: those that grew least are left out.
MOST_LINES = 8
#: Both ends of a line, whose medians are compared: a part of its readings.
_END = 0.1


def plot_memory(
    memory: Sequence[Memory], walked: Sequence[Walked] = (), faults: Sequence[Window] = ()
) -> style.Plot | None:
    """None if fewer than two readings were taken."""
    lines = defaultdict[str, list[Memory]](list)
    for reading in sorted(memory, key=lambda reading: reading.at_ms):
        lines[reading.process].append(reading)
    if len(memory) < 2:
        return None
    grown = {process: growth_bytes(readings) for process, readings in lines.items()}
    shown = sorted(grown, key=grown.__getitem__, reverse=True)[:MOST_LINES]
    title = _title(lines, grown)
    times = [reading.at_ms for reading in memory]
    whole = clock_of(walked) if walked else Clock(min(times), max(times))
    clock = Clock(min(whole.zero_ms, *times), max(whole.until_ms, *times))
    with style.styled():
        figure = style.new_figure(4.9)
        left_out = len(grown) - len(shown)
        style.headline(
            figure,
            title,
            "Resident memory of each process; Redis by its own account."
            + (f" {left_out} that grew less are left out." if left_out else ""),
        )
        axes = figure.add_subplot()
        figure.subplots_adjust(left=0.085, right=0.77, bottom=0.12)
        time_axis(axes, clock)
        shade(axes, clock, (), faults)
        highest = max(r.held_bytes for process in shown for r in lines[process]) / _MIB
        axes.set_ylim(0, highest * 1.1)
        label_faults(axes, clock, faults)
        ends = [lines[process][-1].held_bytes / _MIB for process in shown]
        places = style.spread(ends, highest * 0.075)
        # Labels that were pushed below the axis move up together.
        lift = max(0.0, highest * 0.04 - min(places))
        for process, colour, end, place in zip(shown, style.LINES, ends, places, strict=False):
            readings = lines[process]
            axes.plot(
                [clock.s(reading.at_ms) for reading in readings],
                [reading.held_bytes / _MIB for reading in readings],
                color=colour,
            )
            axes.annotate(
                f"{process}: {_mib(grown[process])}",
                (clock.length_s, end),
                xytext=(clock.length_s * 1.02, place + lift),
                textcoords="data",
                va="center",
                weight="bold",
                size=9.5,
                color=colour,
                annotation_clip=False,
            )
        axes.set_ylabel("MiB")
        return style.finish(figure, "memory", title)


def growth_bytes(readings: Sequence[Memory]) -> float:
    """The median of the last tenth less that of the first."""
    count = max(1, round(len(readings) * _END))
    held = [reading.held_bytes for reading in readings]
    return float(np.median(held[-count:]) - np.median(held[:count]))


def _title(lines: Mapping[str, Sequence[Memory]], grown: Mapping[str, float]) -> str:
    process = max(grown, key=grown.__getitem__)
    minutes = (lines[process][-1].at_ms - lines[process][0].at_ms) / 60_000
    return f"{process} grew most: {_mib(grown[process])} in {minutes:.0f} minutes"


def _mib(held_bytes: float) -> str:
    return f"{held_bytes / _MIB:+.1f} MiB".replace("-0.0", "+0.0").replace("+0.0", "±0.0")
