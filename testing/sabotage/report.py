"""What came of the sabotages: a table for the terminal, and an exit code."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from testing.sabotage.sabotage import Sabotage
from testing.sabotage.trial import Finding, Played, Trial

COLOURS = {Finding.NOTICED: "green", Finding.MISSED: "red", Finding.CONTROL_FAILED: "yellow"}
BROKE = "the harness broke"


@dataclass(frozen=True, slots=True)
class Row:
    """One sabotage: what its trial has shown, or the error that ended it."""

    sabotage: Sabotage
    trial: Trial | None = None
    error: str = ""

    @property
    def is_noticed(self) -> bool:
        return self.trial is not None and self.trial.finding is Finding.NOTICED

    @property
    def finding(self) -> str:
        return BROKE if self.trial is None else self.trial.finding.value

    @property
    def line(self) -> str:
        took = "" if self.trial is None else f" ({self.trial.took_s:.0f} s)"
        return f"{self.sabotage.name}: {self.finding}{took}"

    @property
    def reasons(self) -> Sequence[str]:
        """Why it was not noticed, as far as that is known."""
        if self.trial is None:
            return [self.error]
        if self.trial.finding is Finding.CONTROL_FAILED:
            return self.trial.sound.judgement.reasons
        return []

    def as_json(self) -> dict[str, Any]:
        if self.trial is not None:
            return self.trial.as_json()
        return {"sabotage": self.sabotage.name, "finding": self.finding, "error": self.error}


def exit_code(rows: Sequence[Row]) -> int:
    """0 all noticed, 1 one stayed green, 2 nothing was shown of at least one."""
    if any(row.trial and row.trial.finding is Finding.MISSED for row in rows):
        return 1
    return 0 if all(row.is_noticed for row in rows) else 2


def summary(rows: Sequence[Row]) -> Table:
    """A row for each sabotage."""
    table = Table(show_lines=True)
    for name in ("sabotage", "how"):
        table.add_column(name, overflow="fold")
    table.add_column("checker", no_wrap=True)
    for name in ("found", "verdict"):
        table.add_column(name, overflow="fold")
    table.add_column("took", justify="right", no_wrap=True)
    for row in rows:
        colour = "yellow" if row.trial is None else COLOURS[row.trial.finding]
        table.add_row(
            row.sabotage.name,
            row.sabotage.breaks,
            row.sabotage.check.value,
            "-" if row.trial is None else _found(row.trial.broken),
            f"[{colour}]{row.finding}[/]",
            "-" if row.trial is None else f"{row.trial.took_s:.0f} s",
        )
    return table


def _found(played: Played) -> str:
    """Violations by checker; checkers that saw none are left out."""
    counts = played.judgement.counts.violations
    return ", ".join(f"{check} {count}" for check, count in counts.items() if count) or "nothing"
