"""One thing that was looked at, and how a list of them is shown."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from rich.table import Table
from rich.text import Text

from shop.adapters import terminal


class State(StrEnum):
    """How good or bad a finding is."""

    OK = "ok"
    #: Works, but should be looked at.
    WARN = "warn"
    #: Does not work.
    FAIL = "fail"


_STYLE = {State.OK: "green", State.WARN: "yellow", State.FAIL: "bold red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    state: State
    detail: str
    #: Empty when there is nothing to do.
    advice: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def findings_table(findings: Iterable[Finding]) -> Table:
    rows = [
        (
            finding.check,
            Text(finding.state, style=_STYLE[finding.state]),
            finding.detail,
            finding.advice,
        )
        for finding in findings
    ]
    return terminal.table(("Check", "State", "Found", "What to do"), rows)
