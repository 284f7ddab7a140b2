"""Orders beyond what the API takes: how many were shed, and what the probes felt."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from loadtest.history import Outcome, Sample, Walked
from loadtest.report.plots import style
from loadtest.report.plots.findings import change_of
from loadtest.report.plots.timeline import (
    Clock,
    Window,
    block_bars,
    clock_of,
    dots,
    label_faults,
    shade,
    time_axis,
)
from loadtest.schedule import Arm, Operation
from loadtest.verdict.record import Record

_FLOOR_MS = 0.5
_ACCEPTED = {Outcome.DONE, Outcome.UNFINISHED, Outcome.FAILED}


def plot_overload(record: Record, faults: Sequence[Window] = ()) -> style.Plot | None:
    """None if no order was sent in a walked block."""
    walked = [block for block in record.walked if block.arm is Arm.MAIN]
    samples = [sample for sample in record.samples if sample.arm is Arm.MAIN]
    orders = [sample for sample in samples if sample.operation is Operation.ORDER]
    probes = [
        sample
        for sample in samples
        if sample.operation is Operation.NOTIFICATION and sample.accept_ms is not None
    ]
    if not walked or not orders:
        return None
    clock = clock_of(walked, samples)
    shed = sum(order.outcome is Outcome.SHED for order in orders)
    title = (
        f"{shed:,} of {len(orders):,} orders were shed"
        f"; {_lower(change_of(record, _accept_ms, 'p95 accept'))}"
    )
    with style.styled():
        figure = style.new_figure(5.6)
        style.headline(
            figure,
            title,
            "Above: orders by answer. Below: a dot is a probe, a bar the p95 of a block.",
            titled_axes=True,
        )
        grid = figure.add_gridspec(
            2, 1, hspace=0.16, left=0.085, right=0.985, bottom=0.095, height_ratios=(1.1, 1)
        )
        above = figure.add_subplot(grid[0])
        time_axis(above, clock)
        above.set_xlabel("")
        above.tick_params(labelbottom=False)
        shade(above, clock, walked, faults)
        _draw_rates(above, clock, walked, orders)
        below = figure.add_subplot(grid[1])
        highest_ms = max((probe.accept_ms or 0.0 for probe in probes), default=0.0)
        style.log_ms_axis(below, _FLOOR_MS * 0.8, max(highest_ms, 100.0) * 2)
        time_axis(below, clock)
        shade(below, clock, walked, faults)
        label_faults(below, clock, faults)
        dots(
            below,
            [clock.s(probe.intended_ms) for probe in probes],
            [max(probe.accept_ms or 0.0, _FLOOR_MS) for probe in probes],
            colour=style.MAIN,
            size=3,
        )
        block_bars(below, walked, clock, probes, _accept_ms)
        below.set_ylabel("accept")
        figure.align_ylabels()
        return style.finish(figure, "overload", title)


def _draw_rates(
    axes: Axes, clock: Clock, walked: Sequence[Walked], orders: Sequence[Sample]
) -> None:
    parts = (
        ("accepted", style.PRIORITY, style.PRIORITY, _ACCEPTED),
        ("shed with 503", style.SHED, style.LABEL_SHED, {Outcome.SHED}),
        ("no or another answer", style.CONTROL, style.CONTROL, {Outcome.ERROR, Outcome.DROPPED}),
    )
    busy = [block for block in walked if any(order.block == block.block for order in orders)]
    lengths_s = {b.block: max((b.ended_ms - b.began_ms) / 1000, 1.0) for b in busy}
    below = {number: np.zeros(math.ceil(length_s)) for number, length_s in lengths_s.items()}
    place = 0.0
    for name, colour, label_colour, outcomes in parts:
        counted = [
            order for order in orders if order.outcome in outcomes and order.block in lengths_s
        ]
        if not counted:
            continue
        for block in busy:
            at_s = [order.at_s for order in counted if order.block == block.block]
            under = below[block.block]
            edges = np.arange(len(under) + 1)
            edges_s = np.minimum(edges, lengths_s[block.block])
            widths_s = np.diff(edges_s)
            rates = np.histogram(at_s, edges)[0] / widths_s
            left_s = clock.s(block.began_ms) + edges_s[:-1]
            axes.bar(left_s, rates, widths_s, under, align="edge", color=colour, lw=0)
            under += rates
        label = axes.annotate(
            f"{name}: {len(counted) / sum(lengths_s.values()):,.0f} a second",
            (place, 1.0),
            xycoords="axes fraction",
            xytext=(0, 5),
            textcoords="offset points",
            va="bottom",
            weight="bold",
            color=label_colour,
        )
        place += 0.0085 * len(label.get_text()) + 0.03
    highest = max(float(rates.max()) for rates in below.values()) if below else 1.0
    axes.set_ylim(0, max(highest * 1.1, 1.0))
    axes.set_ylabel("orders a second")


def _accept_ms(sample: Sample) -> float | None:
    return sample.accept_ms


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
