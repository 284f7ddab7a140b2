"""The command: `python -m testing.sabotage sweep-off --seed 7`."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from testing.chaos.driver import DriverBroke
from testing.commands import BREAKS, again, commit, interrupt_on_sigterm, show_origin
from testing.sabotage.registry import SABOTAGES
from testing.sabotage.report import Row, exit_code, summary
from testing.sabotage.sabotage import Sabotage
from testing.sabotage.trial import run_trial
from testing.terminal import to_stderr, to_stdout

BROKE = 2


def sabotage(
    names: Annotated[list[str] | None, typer.Argument(help="Default: all of them.")] = None,
    seed: Annotated[int | None, typer.Option(help="Default: a new one.")] = None,
    out: Annotated[Path | None, typer.Option(help="A new folder for the runs.")] = None,
) -> None:
    """The shop, broken on purpose: does the named checker notice?

    Exit code: 0 every sabotage was noticed, 1 one stayed green, 2 the harness broke.
    """
    chosen = [_named(name) for name in names or SABOTAGES]
    console = to_stderr()
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    folder = out or Path("results") / f"{stamp}-sabotage-{commit()}"
    # As Ctrl-C: everything is ended on the way out.
    interrupt_on_sigterm()
    rows: list[Row] = []
    try:
        folder.mkdir(parents=True)
        for each in chosen:
            rows.append(_attempt(each, seed, folder / each.name, console))
            (folder / "verdict.json").write_text(
                json.dumps({"seed": seed, "sabotages": [row.as_json() for row in rows]}, indent=2)
            )
    except KeyboardInterrupt:
        console.print("interrupted: everything was healed and stopped")
        code = BROKE
    except Exception as error:
        show_origin(console, error)
        console.print(f"the harness broke: {type(error).__name__}: {error}", markup=False)
        code = BROKE
    else:
        code = exit_code(rows)
    if rows:
        to_stdout().print(summary(rows))
    if code:
        noticed = {row.sabotage.name for row in rows if row.is_noticed}
        names = [each.name for each in chosen if each.name not in noticed]
        repeat = again("testing.sabotage", *names, "--seed", str(seed))
        console.print(f"logs and histories: {folder}", soft_wrap=True)
        console.print(f"seed {seed}; run it again: {repeat}", soft_wrap=True)
    raise typer.Exit(code)


def _attempt(sabotage: Sabotage, seed: int, folder: Path, console: Console) -> Row:
    with console.status(sabotage.name) as status:

        def show(which: str) -> None:
            status.update(f"{sabotage.name}: {sabotage.scenario.what}, on a {which} shop")

        try:
            row = Row(sabotage, trial=run_trial(sabotage, seed, folder, show))
        except (*BREAKS, DriverBroke) as error:
            row = Row(sabotage, error=f"{type(error).__name__}: {error}")
    console.print(row.line, markup=False)
    for reason in row.reasons:
        console.print(f"  {reason}", markup=False)
    return row


def _named(name: str) -> Sabotage:
    if name not in SABOTAGES:
        raise typer.BadParameter(f"{name} is none of {', '.join(SABOTAGES)}")
    return SABOTAGES[name]


if __name__ == "__main__":
    typer.run(sabotage)
