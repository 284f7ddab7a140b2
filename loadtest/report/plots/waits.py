"""The probes' wait along the run, and what waited in the queues meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from loadtest.history import Depth, Sample, Walked
from loadtest.report.plots import style
from loadtest.report.plots.findings import change_of
from loadtest.report.plots.timeline import (
    Clock,
    Window,
    block_bars,
    clock_of,
    depths_within,
    dots,
    label_faults,
    shade,
    time_axis,
)
from loadtest.schedule import Arm, Kind, Operation
from loadtest.verdict.priority import wait_ms
from loadtest.verdict.record import Record

#: The shop's stamps are whole milliseconds: a wait of 0 stands here.
FLOOR_MS = 0.5
COLOURS = {Arm.MAIN: style.MAIN, Arm.CONTROL: style.CONTROL}
NAMES = {Arm.MAIN: "main", Arm.CONTROL: "control: notifications go to default"}
#: However short its run: a narrower column holds no labels.
_NARROWEST = 0.45


@dataclass(frozen=True, slots=True)
class _Column:
    """One arm's part of a record."""

    arm: Arm
    probes: Sequence[Sample]
    walked: Sequence[Walked]
    depths: Sequence[Depth]
    clock: Clock


def plot_waits(record: Record, faults: Sequence[Window] = ()) -> style.Plot | None:
    """None if no probe has a wait."""
    columns = [column for arm in Arm if (column := _column(record, arm)) is not None]
    if not columns:
        return None
    title = change_of(record, wait_ms, "p95 wait")
    shaded = any(block.kind is Kind.FLOOD for column in columns for block in column.walked)
    deepest = max(
        (max(depth.default, depth.priority) for c in columns for depth in c.depths), default=0
    )
    highest_ms = max(sample.wait_ms or 0.0 for column in columns for sample in column.probes)
    lengths_s = [max(column.clock.length_s, 1.0) for column in columns]
    with style.styled():
        figure = style.new_figure(6.2)
        grid = figure.add_gridspec(
            2,
            len(columns),
            height_ratios=(2.3, 1),
            width_ratios=[max(length_s, _NARROWEST * max(lengths_s)) for length_s in lengths_s],
            hspace=0.2,
            wspace=0.05,
            left=0.085,
            right=0.985,
            bottom=0.085,
        )
        style.headline(
            figure,
            title,
            "A dot is a probe, a bar the p95 of a block."
            + (" Shaded: orders come faster than they are processed." if shaded else ""),
            titled_axes=len(columns) > 1,
        )
        for place, column in enumerate(columns):
            above = figure.add_subplot(grid[0, place])
            below = figure.add_subplot(grid[1, place])
            _draw_waits(above, column, highest_ms, faults)
            _draw_depths(below, column, max(deepest, 10), faults)
            for axes, label in ((above, "wait"), (below, "messages waiting")):
                if place == 0:
                    axes.set_ylabel(label)
                axes.tick_params(labelleft=place == 0)
            above.tick_params(labelbottom=False)
            if len(columns) > 1:
                above.set_title(NAMES[column.arm], color=COLOURS[column.arm])
        figure.align_ylabels()
        return style.finish(figure, "waits", title)


def _column(record: Record, arm: Arm) -> _Column | None:
    walked = [block for block in record.walked if block.arm is arm]
    probes = [
        sample
        for sample in record.samples
        if sample.arm is arm
        and sample.operation is Operation.NOTIFICATION
        and sample.wait_ms is not None
    ]
    if not probes:
        return None
    clock = clock_of(walked, probes)
    return _Column(arm, probes, walked, depths_within(record.depths, clock), clock)


def _draw_waits(axes: Axes, column: _Column, highest_ms: float, faults: Sequence[Window]) -> None:
    clock, colour = column.clock, COLOURS[column.arm]
    style.log_ms_axis(axes, FLOOR_MS * 0.8, max(highest_ms, 100.0) * 2)
    time_axis(axes, clock)
    axes.set_xlabel("")
    shade(axes, clock, column.walked, faults)
    label_faults(axes, clock, faults)
    dots(
        axes,
        [clock.s(sample.intended_ms) for sample in column.probes],
        [max(sample.wait_ms or 0.0, FLOOR_MS) for sample in column.probes],
        colour=colour,
    )
    block_bars(axes, column.walked, clock, column.probes, wait_ms)


def _draw_depths(axes: Axes, column: _Column, deepest: int, faults: Sequence[Window]) -> None:
    clock = column.clock
    axes.set_yscale("symlog", linthresh=1, linscale=0.5)
    axes.set_ylim(0, deepest * 3)
    powers = [10**power for power in range(1, 8) if 10**power <= deepest * 3]
    axes.yaxis.set_major_locator(FixedLocator([0, 1, *powers]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_minor_locator(NullLocator())
    time_axis(axes, clock)
    shade(axes, clock, column.walked, faults)
    if not column.depths:
        return
    at_s = [clock.s(depth.at_ms) for depth in column.depths]
    default = [depth.default for depth in column.depths]
    priority = [depth.priority for depth in column.depths]
    axes.fill_between(at_s, default, color=style.DEFAULT, alpha=0.35, linewidth=0, step="post")
    axes.step(at_s, default, where="post", color=style.DEFAULT, lw=1.2)
    axes.step(at_s, priority, where="post", color=style.PRIORITY, lw=1)
    axes.set_title(f"default: at most {max(default):,}", color=style.LABEL_GREY, size=9.5, pad=3)
    axes.set_title(
        f"priority: at most {max(priority):,}",
        color=style.PRIORITY,
        size=9.5,
        pad=3,
        loc="right",
    )
