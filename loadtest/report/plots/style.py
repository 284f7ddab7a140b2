"""What all pictures have in common."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

#: Inches; at the width of a README an inch is about 85 pixels.
WIDTH_IN = 10.0
_PNG_DPI = 160
#: Room for the title and the line below it, inches; and for titles of axes below these.
_HEAD_IN, _AXES_TITLE_IN = 0.74, 0.24

INK = "#1f2933"
MUTED = "#687380"
GRID = "#e3e7ec"
#: Okabe and Ito's colours, which the colour-blind tell apart.
MAIN = "#0072b2"
CONTROL = "#d55e00"
PRIORITY = "#009e73"
DEFAULT = "#8a94a0"
#: The same, for letters, which need more contrast.
LABEL_GREY = "#5b6570"
SHED = "#e69f00"
LABEL_SHED = "#a36c00"
LINES = (MAIN, CONTROL, PRIORITY, "#cc79a7", SHED, "#56b4e9", INK, DEFAULT)
FLOOD_SHADE = "#fff1d0"
FAULT_SHADE = "#f3c9dc"
#: Around letters that stand over marks.
HALO = "#fffffe"

#: The same roles on a dark page: what stands in the file is replaced by these names.
_VARIABLES = {
    INK: "--plot-ink",
    MUTED: "--plot-muted",
    GRID: "--plot-grid",
    MAIN: "--plot-main",
    CONTROL: "--plot-control",
    PRIORITY: "--plot-priority",
    DEFAULT: "--plot-default",
    SHED: "--plot-shed",
    LABEL_SHED: "--plot-shed",
    FLOOD_SHADE: "--plot-flood",
    FAULT_SHADE: "--plot-fault",
    LABEL_GREY: "--plot-muted",
    HALO: "--plot-halo",
}

_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Liberation Sans", "Arial", "Helvetica", "DejaVu Sans"],
    "font.size": 10.5,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.minor.visible": False,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "xtick.major.size": 3,
    "lines.linewidth": 1.8,
    "path.simplify": False,
    # Glyphs as shapes: the page looks the same where the font is missing.
    "svg.fonttype": "path",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


#: Of a coordinate, what nobody sees.
_DIGITS = re.compile(r"(\.\d\d)\d+")


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture in both forms."""

    name: str
    #: The finding, as one sentence; stands in the picture too.
    title: str
    #: To be put into a page as it is.
    svg: str
    png: bytes


@contextmanager
def styled() -> Iterator[None]:
    with mpl.rc_context(_STYLE):
        yield


def new_figure(height_in: float) -> Figure:
    return Figure(figsize=(WIDTH_IN, height_in))


def headline(figure: Figure, title: str, subtitle: str, *, titled_axes: bool = False) -> None:
    """Write the finding above, and what is seen below it; leaves room for both."""
    height_in = figure.get_figheight()
    room_in = _HEAD_IN + (_AXES_TITLE_IN if titled_axes else 0)
    figure.subplots_adjust(top=1 - room_in / height_in)
    left = 0.012
    figure.text(left, 1 - 0.13 / height_in, title, size=14, weight="bold", va="top")
    figure.text(left, 1 - 0.44 / height_in, subtitle, size=10.5, color=MUTED, va="top")


def finish(figure: Figure, name: str, title: str) -> Plot:
    """Draw it."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=_PNG_DPI, metadata={"Software": None})
    svg = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(
            svg,
            format="svg",
            transparent=True,
            metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")),
        )
    return Plot(name, title, _embeddable(svg.getvalue(), name), png.getvalue())


def _embeddable(document: str, name: str) -> str:
    """The element alone, with names of its own and colours that the page may change."""
    svg = document[document.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = svg.replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    svg = re.sub(r' d="[^"]*"', lambda path: _DIGITS.sub(r"\1", path.group()), svg)
    # The page says how wide it is.
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg


def ms(value_ms: float) -> str:
    """For people: `0.8 ms`, `12 ms`, `9.8 s`, `3 min`."""
    if value_ms < 9.95:
        return f"{value_ms:.2g} ms" if value_ms < 1 else f"{value_ms:.1f} ms".replace(".0 ", " ")
    if value_ms < 1000:
        return f"{value_ms:.0f} ms"
    if value_ms < 99_500:
        digits = 1 if value_ms < 9950 else 0
        return f"{value_ms / 1000:.{digits}f} s".replace(".0 ", " ")
    return f"{value_ms / 60_000:.1f} min".replace(".0 ", " ")


def log_ms_axis(axes: Axes, low_ms: float, high_ms: float) -> None:
    """A logarithmic axis of times, with a line for each power of ten."""
    axes.set_yscale("log")
    axes.set_ylim(low_ms, high_ms)
    powers = [10.0**power for power in range(-1, 8) if low_ms <= 10.0**power <= high_ms]
    axes.yaxis.set_major_locator(FixedLocator(powers))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: ms(value)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Positions as near to those wanted as labels can stand without touching, in their order."""
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    places = [wanted[index] for index in order]
    # Each group of labels that touch is spread about its middle; groups that then touch join.
    groups = [[place] for place in places]
    merged = True
    while merged:
        merged = False
        for at in range(len(groups) - 1):
            here, there = _row(groups[at], gap), _row(groups[at + 1], gap)
            if there[0] - here[-1] < gap * 0.999:
                groups[at : at + 2] = [groups[at] + groups[at + 1]]
                merged = True
                break
    rows = [place for group in groups for place in _row(group, gap)]
    result = [0.0] * len(wanted)
    for index, place in zip(order, rows, strict=True):
        result[index] = place
    return result


def _row(group: Sequence[float], gap: float) -> list[float]:
    middle = sum(group) / len(group)
    first = middle - gap * (len(group) - 1) / 2
    return [first + gap * number for number in range(len(group))]
