"""Runs every broken topology, and wants a red verdict of each."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from loadtest.experiments.priority_under_flood import SABOTAGES, PriorityUnderFlood
from loadtest.running.session import Session
from loadtest.running.targets import LocalTarget, Refused
from loadtest.verdict.verdict import Conclusion


def sabotage(names: Sequence[str], seed: int, notes: Console, out: Path) -> int:
    """0 when each verdict was FAIL, 1 when one was not; raises what `Run.execute` raises."""
    unknown = [name for name in names if name not in SABOTAGES]
    if unknown:
        raise Refused(f"no sabotage {', '.join(unknown)}: {', '.join(SABOTAGES)}")
    table = Table("sabotage", "what is broken", "verdict", "noticed", box=None, header_style="bold")
    codes = list[int]()
    for name in names or SABOTAGES:
        code = Session(notes, out, sys.argv).run(
            PriorityUnderFlood().name, None, seed, LocalTarget.name, None, sabotage=name
        )
        codes.append(code)
        noticed = "yes" if code == Conclusion.FAIL else "no: a hole in the lab"
        table.add_row(name, SABOTAGES[name][0], Conclusion(code).name, noticed)
    Console(highlight=False).print(table)
    return int(any(code != Conclusion.FAIL for code in codes))
