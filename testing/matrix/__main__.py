"""The command: `python -m testing.matrix --share 20 --seed 7`."""

import json
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from testing.commands import again, commit, interrupt_on_sigterm, show_origin
from testing.matrix import points, table
from testing.matrix.processes import FINISHED_WITHIN_S
from testing.matrix.running import (
    STACKS_AT_ONCE,
    WORLDS_AT_ONCE,
    Drawn,
    Outcome,
    Ran,
    run_processes,
    run_services,
)
from testing.matrix.sabotage import SABOTAGES, Found
from testing.terminal import to_stderr, to_stdout

BROKE = 2


class Which(StrEnum):
    """Both matrices, or one."""

    ALL = "all"
    SERVICES = "services"
    PROCESSES = "processes"


def matrix(
    which: Annotated[Which, typer.Argument(help="Default: both.")] = Which.ALL,
    share: Annotated[int, typer.Option(min=1, help="Run one case of so many.")] = 1,
    only: Annotated[str, typer.Option(help="Those that have it in their names.")] = "",
    seed: Annotated[int | None, typer.Option(help="Draws the cases. Default: a new one.")] = None,
    within: Annotated[
        float, typer.Option(help="Seconds after healing, from which on a process is late.")
    ] = FINISHED_WITHIN_S,
    worlds: Annotated[int, typer.Option(min=1, help="Services: so many at once.")] = (
        WORLDS_AT_ONCE
    ),
    stacks: Annotated[int, typer.Option(min=1, help="Processes: so many stacks at once.")] = (
        STACKS_AT_ONCE
    ),
    write: Annotated[
        bool | None, typer.Option(help="Write docs/matrix.md. Default: if all of it is run.")
    ] = None,
    sabotage: Annotated[bool, typer.Option(help="Put mended faults back: are they found?")] = False,
    out: Annotated[Path | None, typer.Option(help="A new folder for what came of it.")] = None,
) -> None:
    """Every round trip to Redis x every way in which it can fail.

    Exit code: 0 every promise was kept, or every sabotage found; 1 one was not, or a round trip is
    not in the table; 2 the harness broke.
    """
    console = to_stderr()
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    folder = out or Path("results") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-matrix-{commit()}"
    # As Ctrl-C: everything is healed and ended on the way out.
    interrupt_on_sigterm()
    try:
        folder.mkdir(parents=True)
        if sabotage:
            code = _sabotage(console, folder)
        else:
            drawn = Drawn(share, seed, only)
            writes = drawn.is_all if write is None else write
            code = _run(
                which,
                drawn,
                folder,
                console,
                worlds=worlds,
                stacks=stacks,
                within_s=within,
                writes=writes,
            )
    except KeyboardInterrupt:
        console.print("interrupted: everything was healed and stopped")
        code = BROKE
    except Exception as error:
        show_origin(console, error)
        console.print(f"the harness broke: {type(error).__name__}: {error}", markup=False)
        code = BROKE
    if code and not sabotage:
        repeat = again(
            "testing.matrix", which, "--share", str(share), "--only", only, "--seed", str(seed)
        )
        console.print(f"seed {seed}; run it again: {repeat}", soft_wrap=True)
    raise typer.Exit(code)


def _run(
    which: Which,
    drawn: Drawn,
    folder: Path,
    console: Console,
    *,
    worlds: int,
    stacks: int,
    within_s: float,
    writes: bool,
) -> int:
    began_s = time.monotonic()
    ran = Ran()
    if which is not Which.PROCESSES:
        with console.status("services"):
            done = run_services(drawn, jobs=worlds)
        ran.points.update(done.points)
        ran.services += done.services
        _show(done.broken, console)
    if which is not Which.SERVICES:
        with console.status("processes") as status:

            def show(outcome: Outcome, left: int) -> None:
                status.update(f"processes: {left} more")
                _show([outcome], console)

            done = run_processes(drawn, show, jobs=stacks, within_s=within_s)
        ran.points.update(done.points)
        ran.processes += done.processes
    (folder / "outcomes.jsonl").write_text("\n".join(_lines(ran)) + "\n")
    if writes:
        points.write(ran.points)
        table.write(ran, ran.points)
    strangers = points.unknown(ran.points)
    for stranger in strangers:
        console.print(f"not in the table: {stranger}", markup=False)
    for line in table.totals(ran):
        to_stdout().print(line, markup=False, soft_wrap=True)
    console.print(f"{time.monotonic() - began_s:.0f} s; what came of each case: {folder}")
    return 1 if ran.broken or strangers else 0


def _show(outcomes: Sequence[Outcome], console: Console) -> None:
    for outcome in outcomes:
        if not outcome.violations:
            continue
        console.print(str(outcome.case), markup=False, soft_wrap=True)
        for violation in outcome.violations:
            console.print(f"  {violation}", markup=False, soft_wrap=True)


def _lines(ran: Ran) -> list[str]:
    return [
        json.dumps({"case": str(outcome.case), "violations": list(outcome.violations)})
        for outcome in ran.outcomes
    ]


def _sabotage(console: Console, folder: Path) -> int:
    found: list[Found] = []
    for sabotage in SABOTAGES.values():
        with console.status(sabotage.name):
            found.append(sabotage.attempt())
        last = found[-1]
        console.print(f"{sabotage.name}: {last.verdict}", markup=False)
        for violation in last.violations[:3]:
            console.print(f"  {violation}", markup=False, soft_wrap=True)
    (folder / "sabotage.json").write_text(
        json.dumps({each.name: list(each.violations) for each in found}, indent=2)
    )
    if any(each.is_control_red for each in found):
        return BROKE
    return 0 if all(each.is_found for each in found) else 1


if __name__ == "__main__":
    typer.run(matrix)
