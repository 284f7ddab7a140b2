"""What the flood multiplies waits by, with intervals, beside the bounds."""

from collections.abc import Mapping
from math import isfinite

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from loadtest.report.plots import style
from loadtest.verdict.priority import BAR, CONTROL_BAR, CONTROL_RATIO, MAIN_RATIO
from loadtest.verdict.verdict import Interval

#: What this project wants of itself; no part of the verdict.
GOAL = 4.0
#: Of the question that the lab was built for.
PRIORITY_BOUNDS = {GOAL: "goal: at most", BAR: "to pass: at most", CONTROL_BAR: "control: at least"}
_SAME, _LEAST = 1.0, 0.01
#: A shorter axis has ticks between the powers of ten.
_DECADE, _BETWEEN = 30.0, (0.2, 0.5, 0.8, 1.25, 2.0, 3.0, 5.0, 20.0)
#: Of a name, about.
_LETTER_IN = 0.083


def plot_ratios(
    ratios: Mapping[str, Interval], bounds: Mapping[float, str] | None = None
) -> style.Plot | None:
    """None if there are none; without `bounds` those of priority-under-flood."""
    ratios = {name: _drawable(ratio) for name, ratio in ratios.items() if isfinite(ratio.high)}
    if not ratios:
        return None
    bounds = PRIORITY_BOUNDS if bounds is None else bounds
    title = _title(ratios)
    what, ratios = _without_prefix(ratios)
    left = min(max(max(map(len, ratios)) * _LETTER_IN + 0.35, 1.2), 3.8) / style.WIDTH_IN
    height_in = 1.6 + 0.42 * len(ratios)
    with style.styled():
        figure = style.new_figure(height_in)
        style.headline(
            figure, title, f"{what} with 95 % intervals by bootstrap.", titled_axes=bool(bounds)
        )
        axes = figure.add_subplot()
        figure.subplots_adjust(left=left, right=0.8, bottom=0.42 / height_in)
        _axis(axes, ratios, bounds)
        for place, (bound, meaning) in enumerate(sorted(bounds.items())):
            _draw_bound(axes, bound, meaning, line=place % 2)
        axes.axvline(_SAME, color=style.MUTED, lw=0.9, zorder=1)
        for row, (name, ratio) in enumerate(ratios.items()):
            _draw(axes, len(ratios) - 1 - row, name, ratio)
        return style.finish(figure, "ratios", title)


def _title(ratios: Mapping[str, Interval]) -> str:
    main, control = ratios.get(MAIN_RATIO), ratios.get(CONTROL_RATIO)
    if main is not None and control is not None:
        return (
            f"The flood multiplies p95 waits by {_number(main.point)},"
            f" where the topology is wrong by {_number(control.point)}"
        )
    if main is not None:
        return f"The flood multiplies p95 waits by {_number(main.point)}"
    name, ratio = max(ratios.items(), key=lambda item: item[1].point)
    largest = f", the largest of {len(ratios)}" if len(ratios) > 1 else ""
    return f"{name}: × {_number(ratio.point)}{largest}"


def _without_prefix(ratios: Mapping[str, Interval]) -> tuple[str, Mapping[str, Interval]]:
    """What all names begin with stands once, above."""
    prefixes = {name.partition(": ")[0] for name in ratios if ": " in name}
    if len(ratios) < 2 or len(prefixes) != 1 or not all(": " in name for name in ratios):
        return "Ratios", ratios
    prefix = prefixes.pop()
    shortened = {name.partition(": ")[2]: ratio for name, ratio in ratios.items()}
    return prefix[0].upper() + prefix[1:], shortened


def _drawable(ratio: Interval) -> Interval:
    """A logarithmic axis has no place for nothing, or less."""
    return Interval(*(max(value, _LEAST) for value in (ratio.low, ratio.point, ratio.high)))


def _draw(axes: Axes, row: int, name: str, ratio: Interval) -> None:
    colour = style.CONTROL if "control" in name else style.MAIN
    if name not in (MAIN_RATIO, CONTROL_RATIO) and ratio.low <= _SAME <= ratio.high:
        colour = style.LABEL_GREY
    axes.plot(
        [ratio.low, ratio.high], [row, row], color=colour, lw=5, alpha=0.35, solid_capstyle="butt"
    )
    axes.plot([ratio.low, ratio.high], [row, row], "|", color=colour, ms=9, mew=1.6)
    axes.plot([ratio.point], [row], "o", color=colour, ms=8, zorder=4)
    axes.annotate(
        name,
        (0, row),
        xycoords=axes.get_yaxis_transform(),
        xytext=(-8, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        weight="bold",
        color=colour,
    )
    axes.annotate(
        f"{_number(ratio.point)}  ({_number(ratio.low)} to {_number(ratio.high)})",
        (1, row),
        xycoords=axes.get_yaxis_transform(),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
    )


def _draw_bound(axes: Axes, bound: float, meaning: str, *, line: int) -> None:
    axes.axvline(bound, color=style.INK, lw=1, ls=(0, (2, 2)), zorder=1)
    axes.annotate(
        f"{meaning} {bound:g}",
        (bound, 1),
        xycoords=axes.get_xaxis_transform(),
        xytext=(0, 3 + 12 * line),
        textcoords="offset points",
        ha="center",
        va="bottom",
        size=9,
        color=style.LABEL_GREY,
    )


def _axis(axes: Axes, ratios: Mapping[str, Interval], bounds: Mapping[float, str]) -> None:
    edges = [
        *(ratio.low for ratio in ratios.values()),
        *(ratio.high for ratio in ratios.values()),
        *bounds,
        _SAME,
    ]
    low, high = min(edges) * 0.75, max(edges) * 1.4
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(-0.6, len(ratios) - 0.4)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False)
    powers = [10.0**power for power in range(-2, 7)]
    ticks = powers if high / low > _DECADE else sorted({*powers, *_BETWEEN})
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"× {value:,.9g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _number(ratio: float) -> str:
    digits = 2 if ratio < 1.995 else 1 if ratio < 100 else 0
    return f"{ratio:,.{digits}f}"
