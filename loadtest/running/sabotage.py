"""Runs the shop as it is and every broken topology, and wants a red verdict of the latter only."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from loadtest.experiments.priority_under_flood import SABOTAGES, PriorityUnderFlood
from loadtest.running.session import Session
from loadtest.running.targets import LocalTarget, Refused
from loadtest.verdict.priority import BAR, MAIN_RATIO
from loadtest.verdict.verdict import Conclusion, Verdict
from testing.terminal import to_stdout

#: What is run before the sabotages: were it red, they would show nothing.
SOUND = "none"
PROFILE = "sabotage"


def sabotage(names: Sequence[str], seed: int, notes: Console, out: Path) -> int:
    """0 when each sabotage was noticed and the sound shop held, else 1.

    Raises what `Run.execute` raises.
    """
    unknown = [name for name in names if name not in SABOTAGES]
    if unknown:
        raise Refused(f"no sabotage {', '.join(unknown)}: {', '.join(SABOTAGES)}")
    session = Session(notes, out)
    table = Table("sabotage", "what is broken", "verdict", "noticed", box=None, header_style="bold")
    missed = False

    def judged(name: str | None) -> Verdict:
        return session.run(
            PriorityUnderFlood().name, PROFILE, seed, LocalTarget.name, None, sabotage=name
        )

    sound = judged(None)
    is_held = holds(sound)
    table.add_row(
        SOUND,
        "nothing: the shop as it is",
        sound.conclusion.name,
        "it holds" if is_held else "red by itself",
    )
    for name in names or SABOTAGES:
        verdict = judged(name)
        missed = missed or not is_noticed(verdict)
        noticed = "yes" if is_noticed(verdict) else "no: a hole in the lab"
        table.add_row(name, SABOTAGES[name][0], verdict.conclusion.name, noticed)
    to_stdout().print(table)
    return int(missed or not is_held)


def is_noticed(verdict: Verdict) -> bool:
    """By the waits, which is what each of them spoils: a run may be red for other reasons."""
    ratio = verdict.ratios.get(MAIN_RATIO)
    return verdict.conclusion is Conclusion.FAIL and ratio is not None and ratio.low > BAR


def holds(verdict: Verdict) -> bool:
    """Without a control it cannot be PASS; the waits have to be what they should be."""
    ratio = verdict.ratios.get(MAIN_RATIO)
    return verdict.conclusion is not Conclusion.FAIL and ratio is not None and ratio.high <= BAR
