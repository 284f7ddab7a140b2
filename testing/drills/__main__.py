"""The command: `python -m testing.drills taking-up --times 20`."""

import json
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from testing.commands import again, commit, interrupt_on_sigterm, show_origin
from testing.drills.registry import DRILLS
from testing.drills.report import Outcome, as_json, table
from testing.terminal import to_stderr, to_stdout

KEPT, BROKEN, HARNESS_BROKE = 0, 1, 2


def drills(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help=f"Of {', '.join(DRILLS)}.")
    ] = None,
    times: Annotated[
        int | None, typer.Option(min=1, help="Repetitions of each; default: as each drill has it.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Default: a new one.")] = None,
    out: Annotated[Path | None, typer.Option(help="A new folder for the run.")] = None,
) -> None:
    """One fault, many times over, with a figure for each promise. No NAME is all of them.

    Exit code: 0 all promises kept, 1 one broken, 2 the harness broke.
    """
    console = to_stderr()
    chosen = list(dict.fromkeys(names or DRILLS))
    if unknown := [name for name in chosen if name not in DRILLS]:
        known = ", ".join(DRILLS)
        console.print(f"no such drill: {', '.join(unknown)}; there are {known}", markup=False)
        raise typer.Exit(HARNESS_BROKE)
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    options = [*(names or []), "--seed", str(seed)]
    options += [] if times is None else ["--times", str(times)]
    repeat = again("testing.drills", *options)
    folder = out or Path("results") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-drills-{commit()}"
    interrupt_on_sigterm()
    outcomes: dict[str, Outcome] = {}
    broke: str | None = None
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        console.print(f"the harness broke: {error}", markup=False, soft_wrap=True)
        raise typer.Exit(HARNESS_BROKE) from None
    try:
        _execute(chosen, times, seed, folder, console, outcomes)
    except KeyboardInterrupt:
        broke = "interrupted: everything was healed and stopped"
    except Exception as error:
        show_origin(console, error)
        said = str(error).strip() or "no more is known"
        broke = f"the harness broke: {type(error).__name__}: {said.splitlines()[0]}"
        # A stack that failed says what its queues and logs held: too much for a line.
        (folder / "broke.txt").write_text(f"{type(error).__name__}: {said}\n")
    raise typer.Exit(_tell(console, folder, outcomes, seed, broke, repeat))


def _execute(
    names: list[str],
    times: int | None,
    seed: int,
    folder: Path,
    console: Console,
    outcomes: dict[str, Outcome],
) -> None:
    """Fills `outcomes`, so that what was measured is told even if a later drill breaks."""
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[phase]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        for name in names:
            repetitions = times or DRILLS[name].times
            bar = bars.add_task(name, total=None, phase=f"{repetitions} times")

            def show(phase: str, bar: object = bar) -> None:
                bars.update(bar, phase=phase)  # type: ignore[arg-type]

            own = folder / name
            own.mkdir()
            began_s = time.monotonic()
            result = DRILLS[name].load()(own, times=repetitions, seed=seed, on_progress=show)
            outcomes[name] = Outcome(result, repetitions, time.monotonic() - began_s)
            verdict = "kept" if result.is_kept else "broken"
            bars.update(bar, total=1, completed=1, phase=verdict)


def _tell(
    console: Console,
    folder: Path,
    outcomes: dict[str, Outcome],
    seed: int,
    broke: str | None,
    repeat: str,
) -> int:
    if outcomes:
        to_stdout().print(table(outcomes))
        for name, outcome in outcomes.items():
            for remark in outcome.result.remarks:
                console.print(f"  {name}: {remark}", markup=False, soft_wrap=True)
    report = as_json(outcomes, seed=seed, broke=broke)
    (folder / "drills.json").write_text(json.dumps(report, indent=2) + "\n")
    console.print(f"figures: {folder / 'drills.json'}", markup=False, soft_wrap=True)
    if broke:
        console.print(broke, markup=False, soft_wrap=True)
        code = HARNESS_BROKE
    else:
        code = KEPT if all(outcome.result.is_kept for outcome in outcomes.values()) else BROKEN
    if code:
        console.print(f"seed {seed}; run it again: {repeat}", markup=False, soft_wrap=True)
    return code


if __name__ == "__main__":
    typer.run(drills)
