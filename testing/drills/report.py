"""What drills have shown: a table for the terminal, and JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from testing.drills.drill import Figure, Result

KEPT, BROKEN = "[green]kept[/green]", "[bold red]broken[/bold red]"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A drill that was run to its end."""

    result: Result
    times: int
    took_s: float


def table(outcomes: Mapping[str, Outcome]) -> Table:
    """A row for each promise."""
    rows = Table()
    rows.add_column("promise")
    for column in ("times", "median", "worst", "promised"):
        rows.add_column(column, justify="right")
    rows.add_column("kept")
    for name, outcome in outcomes.items():
        for figure in outcome.result.figures:
            rows.add_row(
                f"{name}: {figure.promise}",
                str(len(figure.values)),
                _shown(figure, figure.median),
                _shown(figure, figure.worst),
                f"≤ {_shown(figure, figure.at_most)}",
                KEPT if figure.is_kept else BROKEN,
            )
    return rows


def as_json(outcomes: Mapping[str, Outcome], *, seed: int, broke: str | None) -> dict[str, Any]:
    """`broke` says why the harness ended before all drills had."""
    return {
        "seed": seed,
        "kept": broke is None and all(outcome.result.is_kept for outcome in outcomes.values()),
        "broke": broke,
        "drills": {
            name: {
                "times": outcome.times,
                "took_s": round(outcome.took_s, 1),
                "kept": outcome.result.is_kept,
                "figures": [_figure(figure) for figure in outcome.result.figures],
                "remarks": list(outcome.result.remarks),
            }
            for name, outcome in outcomes.items()
        },
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "promise": figure.promise,
        "unit": figure.unit,
        "at_most": figure.at_most,
        "values": list(figure.values),
        "median": figure.median,
        "worst": figure.worst,
        "kept": figure.is_kept,
    }


def _shown(figure: Figure, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f} {figure.unit}" if figure.unit else f"{value:g}"
