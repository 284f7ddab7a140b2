"""Percentile curves of the probes' wait: what the slowest few saw."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter

from loadtest.report.plots import style
from loadtest.report.plots.findings import values_ms
from loadtest.report.plots.waits import COLOURS, FLOOR_MS
from loadtest.schedule import Arm, Kind
from loadtest.verdict.bootstrap import quantile_of
from loadtest.verdict.priority import wait_ms
from loadtest.verdict.record import Record

#: What the verdict looks at.
_JUDGED = 0.95
_SHARES = (0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999)
#: Places along the axis that can be told apart.
_CELLS = 2000


def plot_percentiles(record: Record) -> style.Plot | None:
    """None if nothing was measured."""
    curves = {
        (arm, kind): sorted(found)
        for arm in Arm
        for kind in Kind
        if (found := values_ms(record.probes(arm, kind), wait_ms))
    }
    if not curves:
        return None
    title = _title(curves)
    with style.styled():
        figure = style.new_figure(4.9)
        style.headline(
            figure,
            title,
            "How long which share of the probes waited at most. Dotted: the p95, which is judged.",
        )
        axes = figure.add_subplot()
        figure.subplots_adjust(left=0.085, right=0.8, bottom=0.12)
        most = max(len(curve) for curve in curves.values())
        _nines_axis(axes, most)
        highest_ms = max(curve[-1] for curve in curves.values())
        style.log_ms_axis(axes, FLOOR_MS * 0.8, max(highest_ms, 100.0) * 1.6)
        axes.axvline(nines(_JUDGED), color=style.MUTED, lw=1, ls=(0, (2, 3)), zorder=1)
        for (arm, kind), curve in curves.items():
            _draw(axes, arm, kind, curve)
        _label(axes, curves)
        axes.set_ylabel("wait")
        return style.finish(figure, "percentiles", title)


def nines(share: float) -> float:
    """Where a share stands: 0.9 at 1, 0.99 at 2, 0.999 at 3."""
    return -math.log10(1 - share)


def _title(curves: dict[tuple[Arm, Kind], list[float]]) -> str:
    p99s_ms = {
        kind: quantile_of(np.array(curve), 0.99)
        for (arm, kind), curve in curves.items()
        if arm is Arm.MAIN
    }
    control = curves.get((Arm.CONTROL, Kind.FLOOD))
    limit_ms = p99s_ms.get(Kind.FLOOD)
    if control is not None and limit_ms is not None:
        within = sum(wait <= limit_ms for wait in control)
        share = f"{within / len(control) * 100:.0f} % do" if within else "none does"
        return (
            f"Under the flood 99 % of the probes wait at most {style.ms(limit_ms)};"
            f" in the control {share}"
        )
    if not p99s_ms:
        return "How long the probes of the control wait"
    listed = ", ".join(f"{style.ms(p99_ms)} ({kind})" for kind, p99_ms in p99s_ms.items())
    return f"99 % of the probes wait at most {listed}"


def _draw(axes: Axes, arm: Arm, kind: Kind, curve: Sequence[float]) -> None:
    # A value holds from its predecessor's share to its own; the last share, 1, is nowhere.
    shares = np.arange(len(curve)) / len(curve)
    x, y = -np.log10(1 - shares), np.maximum(curve, FLOOR_MS)
    # Of those that would stand at one place, the first.
    _, seen = np.unique(np.rint(x / axes.get_xlim()[1] * _CELLS), return_index=True)
    last = len(curve) - 1
    kept = np.unique(np.append(seen, last))
    axes.step(
        x[kept],
        y[kept],
        where="post",
        color=COLOURS[arm],
        lw=1.4 if kind is Kind.IDLE else 2.4,
        ls=(0, (4, 2)) if kind is Kind.IDLE else "-",
    )


def _label(axes: Axes, curves: dict[tuple[Arm, Kind], list[float]]) -> None:
    """At the right, in the order and near the height in which the curves end."""
    ends = [float(np.log10(max(curve[-1], FLOOR_MS))) for curve in curves.values()]
    low, high = np.log10(axes.get_ylim())
    gap = 0.115 * (high - low)
    right = axes.get_xlim()[1]
    for ((arm, kind), curve), end, place in zip(
        curves.items(), ends, style.spread(ends, gap), strict=True
    ):
        last = nines(1 - 1 / len(curve)) if len(curve) > 1 else 0.0
        axes.plot(
            [last, right * 1.015],
            [10**end, 10**place],
            color=COLOURS[arm],
            lw=0.7,
            alpha=0.6,
            clip_on=False,
        )
        p95_ms = quantile_of(np.array(curve), _JUDGED)
        axes.annotate(
            f"{arm}, {kind}",
            (right * 1.02, 10**place),
            xytext=(2, 0),
            textcoords="offset points",
            va="bottom",
            color=COLOURS[arm],
            weight="bold",
            annotation_clip=False,
        )
        axes.annotate(
            f"p95 {style.ms(p95_ms)}, most {style.ms(curve[-1])}",
            (right * 1.02, 10**place),
            xytext=(2, -1),
            textcoords="offset points",
            va="top",
            size=9,
            color=style.MUTED,
            annotation_clip=False,
        )


def _nines_axis(axes: Axes, count: int) -> None:
    end = nines(1 - 1 / count) if count > 10 else 1.0
    axes.set_xlim(0, end * 1.02)
    shares = [share for share in _SHARES if nines(share) <= end]
    axes.xaxis.set_major_locator(FixedLocator([nines(share) for share in shares]))
    names = {round(nines(share), 6): f"{share * 100:g} %" for share in shares}
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: names.get(round(value, 6), "")))
    axes.set_xlabel("share of the probes")
