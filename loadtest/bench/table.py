"""What benches found, for people and for programs."""

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from loadtest.bench.bench import Comparison, Finding, Result, is_reached, is_sure
from loadtest.verdict.verdict import Interval


def table(results: Mapping[str, Result]) -> Table:
    """A row for each comparison, figure and growth, in sections by bench."""
    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("bench", "what", "shop", "against", "ratio", "95 %", "reach", "reached"):
        right = heading in ("shop", "against", "ratio", "95 %")
        shown.add_column(
            heading,
            justify="right" if right else "left",
            # Whatever else a narrow terminal has to fold, it must not cut a ratio short.
            no_wrap=heading in ("bench", "ratio", "95 %"),
            overflow="fold",
        )
    for name, result in results.items():
        shown.add_section()
        for place, finding in enumerate(result.findings):
            shown.add_row("" if place else name, *_cells(finding))
    return shown


def document(results: Mapping[str, Result]) -> dict[str, Any]:
    """The same for `--json`."""
    return {
        "reached": all_reached(results),
        "benches": {
            name: {
                "comparisons": [
                    {
                        **_common(comparison),
                        "shop": list(comparison.shop),
                        "baseline": list(comparison.baseline),
                        "ratio": _interval(comparison.ratio),
                    }
                    for comparison in result.comparisons
                ],
                "figures": [
                    {
                        **_common(figure),
                        "values": list(figure.values),
                        "median": _interval(figure.interval),
                    }
                    for figure in result.figures
                ],
                "growths": [
                    {
                        **_common(growth),
                        "done": list(growth.done),
                        "values": list(growth.values),
                        "growth": _interval(growth.interval),
                    }
                    for growth in result.growths
                ],
            }
            for name, result in results.items()
        },
    }


def all_reached(results: Mapping[str, Result]) -> bool:
    return all(
        is_reached(finding) is not False
        for result in results.values()
        for finding in result.findings
    )


def _cells(finding: Finding) -> tuple[str, ...]:
    interval = finding.interval
    reach = str(finding.reach or "")
    spread = f"{_short(interval.low)} to {_short(interval.high)}"
    if isinstance(finding, Comparison):
        shop, baseline = (
            f"{_short(_mean(values))} {finding.unit}" for values in (finding.shop, finding.baseline)
        )
        ratio = f"{interval.point:.2f}"
        spread = f"{interval.low:.2f} to {interval.high:.2f}"
        return finding.name, shop, baseline, ratio, spread, reach, _answer(finding)
    level = f"{_short(interval.point)} {finding.unit}"
    return finding.name, level, "", "", spread, reach, _answer(finding)


def _answer(finding: Finding) -> str:
    reached = is_reached(finding)
    if reached is None:
        return ""
    words = ("surely " if is_sure(finding) else "") + ("yes" if reached else "no")
    return f"[green]{words}[/]" if reached else f"[red]{words}[/]"


def _common(finding: Finding) -> dict[str, Any]:
    reach = finding.reach
    return {
        "name": finding.name,
        "unit": finding.unit,
        "rounds": finding.rounds,
        "reach": reach and {"at_least": reach.at_least, "at_most": reach.at_most},
        "reached": is_reached(finding),
        "surely": is_sure(finding),
    }


def _interval(interval: Interval) -> dict[str, float]:
    return {"low": interval.low, "point": interval.point, "high": interval.high}


def _mean(values: Any) -> float:
    return float(sum(values) / len(values))


def _short(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
