"""A verdict's figures, arranged to be read."""

from collections.abc import Mapping
from dataclasses import dataclass

from loadtest.schedule import Arm

_ARMS: tuple[str, ...] = tuple(Arm)
#: Statistics of a series of times, in the order in which they are read.
_TIMES = ("n", "p50", "p90", "p95", "p99", "max")


@dataclass(frozen=True, slots=True)
class FiguresTable:
    """Rows in groups, each with a value for some of the columns."""

    title: str
    #: What a row is.
    of: str
    columns: tuple[str, ...]
    groups: Mapping[str, Mapping[str, Mapping[str, float]]]


def tables_of(figures: Mapping[str, Mapping[str, float]]) -> list[FiguresTable]:
    """Percentiles first; then, for each kind of count, a table with the columns that it needs."""
    tables = dict[str, dict[str, dict[str, Mapping[str, float]]]]()
    for name, values in sorted(figures.items(), key=lambda item: _place(item[0])):
        group, _, series = name.rpartition("/")
        if "p95" in values:
            rows = tables.setdefault("", {}).setdefault(group.replace("/", ", "), {})
            rows[series.removesuffix("_ms").replace("_", " ")] = values
        else:
            kind = series.replace("_", " ")
            tables.setdefault(kind, {}).setdefault("", {})[group.replace("/", ", ")] = values
    times = tables.pop("", None)
    found = [_table("Times, milliseconds", "series", times)] if times else []
    return found + [_table(kind.capitalize(), "of", groups) for kind, groups in tables.items()]


def _place(name: str) -> int:
    """What is in question first, then what it is compared with, then the rest as it came."""
    arm = name.partition("/")[0]
    return _ARMS.index(arm) if arm in _ARMS else len(_ARMS)


def _table(
    title: str, of: str, groups: Mapping[str, Mapping[str, Mapping[str, float]]]
) -> FiguresTable:
    seen = {name: None for rows in groups.values() for values in rows.values() for name in values}
    known = [name for name in _TIMES if name in seen]
    return FiguresTable(title, of, (*known, *(n for n in seen if n not in _TIMES)), groups)


def ratio(value: float) -> str:
    """With as many digits wherever it stands, so that an interval reads as one."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def number(value: float) -> str:
    """Three digits that count, none that only look exact; whole numbers whole."""
    if value != value:
        return "–"
    if float(value).is_integer() or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
