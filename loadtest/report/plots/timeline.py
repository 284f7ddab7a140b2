"""Things that happen along a run's time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator

from loadtest.history import Depth, Sample, Walked
from loadtest.report.plots.findings import Value, p95_of
from loadtest.report.plots.style import FAULT_SHADE, FLOOD_SHADE, HALO, INK, MUTED, WIDTH_IN, ms
from loadtest.schedule import Kind

#: Dots nearer to each other than this look like one: parts of an axis.
_CELLS_X, _CELLS_Y = 900, 450
#: Longer than that, an axis counts minutes.
_MINUTES_FROM_S = 300.0
#: What a number over a block needs.
_NUMBER_IN = 0.33


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time in which something was wrong on purpose."""

    label: str
    #: Of the generator's clock.
    began_ms: float
    ended_ms: float


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds since a moment."""

    zero_ms: float
    until_ms: float

    def s(self, at_ms: float) -> float:
        return (at_ms - self.zero_ms) / 1000

    @property
    def length_s(self) -> float:
        return self.s(self.until_ms)

    def holds(self, at_ms: float) -> bool:
        return self.zero_ms <= at_ms <= self.until_ms


def clock_of(walked: Iterable[Walked], samples: Iterable[Sample] = ()) -> Clock:
    """From the first block's start until the last one was drained.

    Of a block that was cut off there are samples only.
    """
    spans = [(block.began_ms, block.drained_ms or block.ended_ms) for block in walked]
    spans += [(sample.intended_ms, sample.intended_ms) for sample in samples]
    return Clock(min(began for began, _ in spans), max(ended for _, ended in spans))


def time_axis(axes: Axes, clock: Clock, label: str = "run time") -> None:
    length_s = max(clock.length_s, 1.0)
    axes.set_xlim(0, length_s)
    minutes = length_s >= _MINUTES_FROM_S
    unit_s = 60.0 if minutes else 1.0
    locator = MaxNLocator(nbins=6, integer=True)
    ticks = [tick * unit_s for tick in locator.tick_values(0, length_s / unit_s)]
    axes.set_xticks([tick for tick in ticks if 0 <= tick <= length_s])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / unit_s:g}"))
    axes.set_xlabel(f"{label}, {'minutes' if minutes else 'seconds'}")


def shade(
    axes: Axes, clock: Clock, walked: Iterable[Walked], faults: Iterable[Window] = ()
) -> None:
    """Shade floods, in whole, and faults."""
    windows = [
        (block.began_ms, block.ended_ms, FLOOD_SHADE)
        for block in walked
        if block.kind is Kind.FLOOD
    ] + [(fault.began_ms, fault.ended_ms, FAULT_SHADE) for fault in faults]
    for began_ms, ended_ms, colour in windows:
        if ended_ms >= clock.zero_ms and began_ms <= clock.until_ms:
            axes.add_patch(
                Rectangle(
                    (clock.s(began_ms), 0),
                    clock.s(ended_ms) - clock.s(began_ms),
                    1,
                    transform=axes.get_xaxis_transform(),
                    facecolor=colour,
                    edgecolor="none",
                    zorder=0.2,
                )
            )


def label_faults(axes: Axes, clock: Clock, faults: Iterable[Window]) -> None:
    for fault in faults:
        if clock.holds(fault.began_ms):
            axes.text(
                clock.s(fault.began_ms),
                0.99,
                f" {fault.label}",
                transform=axes.get_xaxis_transform(),
                va="top",
                rotation=90,
                size=8.5,
                color=MUTED,
            )


def dots(
    axes: Axes, x: Sequence[float], y: Sequence[float], *, colour: str, size: float = 2.4
) -> None:
    """One mark for each value of a logarithmic axis, its limits set before.

    Those that would cover each other are drawn once, and all as one path: a long run's page
    stays small, and looks the same.
    """
    if not x:
        return
    (left, right), (low, high) = axes.get_xlim(), np.log10(axes.get_ylim())
    columns = np.rint((np.array(x) - left) / (right - left) * _CELLS_X)
    rows = np.rint((np.log10(np.array(y)) - low) / (high - low) * _CELLS_Y)
    cells = np.unique(np.stack([columns, rows]), axis=1)
    at_x = left + cells[0] / _CELLS_X * (right - left)
    at_y = 10 ** (low + cells[1] / _CELLS_Y * (high - low))
    # Strokes too short to be seen as such: their round ends are the dots.
    short = (right - left) / _CELLS_X / 50
    gaps = np.full_like(at_x, np.nan)
    axes.plot(
        np.stack([at_x, at_x + short, gaps], axis=1).ravel(),
        np.stack([at_y, at_y, gaps], axis=1).ravel(),
        color=colour,
        linewidth=size,
        solid_capstyle="round",
        alpha=0.55,
        zorder=2,
    )


def block_bars(
    axes: Axes,
    walked: Iterable[Walked],
    clock: Clock,
    probes: Sequence[Sample],
    value: Value,
) -> None:
    """A bar over each block at its p95, with the number where there is room for it.

    The limits and the place of the axes are to be set before.
    """
    inches_per_s = axes.get_position().width * WIDTH_IN / max(clock.length_s, 1.0)
    low, _ = axes.get_ylim()
    for block in walked:
        p95_ms = p95_of([sample for sample in probes if sample.block == block.block], value)
        if p95_ms is None:
            continue
        from_s, to_s = clock.s(block.began_ms), clock.s(block.ended_ms)
        at_ms = max(p95_ms, low * 1.25)
        axes.plot(
            [from_s, to_s], [at_ms, at_ms], color=INK, lw=2.2, zorder=3, solid_capstyle="butt"
        )
        if (to_s - from_s) * inches_per_s >= _NUMBER_IN:
            axes.annotate(
                ms(p95_ms),
                ((from_s + to_s) / 2, at_ms),
                xytext=(0, 4),
                textcoords="offset points",
                ha="center",
                va="bottom",
                size=8.5,
                weight="bold",
                zorder=4,
                path_effects=[withStroke(linewidth=2.5, foreground=HALO)],
            )


def depths_within(depths: Iterable[Depth], clock: Clock) -> list[Depth]:
    """By time; of those at one place of the axis, the greatest."""
    places = dict[int, Depth]()
    for depth in sorted(depths, key=lambda depth: depth.at_ms):
        if not clock.holds(depth.at_ms):
            continue
        place = int(clock.s(depth.at_ms) / max(clock.length_s, 1.0) * _CELLS_X)
        other = places.get(place, depth)
        places[place] = replace(
            other,
            default=max(depth.default, other.default),
            priority=max(depth.priority, other.priority),
        )
    return list(places.values())
