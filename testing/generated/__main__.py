"""The command: `python -m testing.generated --cases 10000 --seed 7`."""

import random
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from testing.commands import commit, interrupt_on_sigterm
from testing.generated import campaign
from testing.stack import StackFailed
from testing.stacks.local import LocalStack
from testing.terminal import to_stderr, to_stdout
from testing.waiting import TimedOut

BROKE = 2
#: What one example for each of nine operations comes to at least, walks included.
CASES_AN_EXAMPLE = 6


def generated(
    cases: Annotated[int, typer.Option(help="At least so many.", min=100)] = 10_000,
    seed: Annotated[int | None, typer.Option(help="Default: a new one.")] = None,
    within_s: Annotated[float, typer.Option(help="After so long it has failed.")] = 1800.0,
    out: Annotated[Path | None, typer.Option(help="A new folder for what was found.")] = None,
) -> None:
    """Requests made of the OpenAPI schema, to a shop on this machine: is each answer as it says?

    Exit code: 0 every answer was, 1 one was not, 2 the harness broke or sent too few.
    """
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    console = to_stderr()
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    folder = out or Path("results") / f"{stamp}-generated-{commit()}"
    # As Ctrl-C: everything is ended on the way out.
    interrupt_on_sigterm()
    try:
        folder.mkdir(parents=True)
        with (
            console.status(f"{cases} requests, or some more"),
            LocalStack(campaign.ENVIRONMENT) as stack,
        ):
            outcome = campaign.run(
                stack,
                folder,
                max_examples=-(-cases // CASES_AN_EXAMPLE),
                seed=seed,
                within_s=within_s,
            )
    except KeyboardInterrupt:
        console.print("interrupted: everything was stopped")
        raise typer.Exit(BROKE) from None
    except (OSError, StackFailed, TimedOut) as error:
        console.print(f"the harness broke: {type(error).__name__}: {error}", markup=False)
        raise typer.Exit(BROKE) from None
    if not outcome.is_clean:
        console.print(outcome.output, markup=False, soft_wrap=True)
    to_stdout().print(outcome.line, markup=False)
    code = 0 if outcome.is_clean else 1
    if outcome.cases < cases:
        console.print(f"{cases} were asked for: more than the schema gives rise to")
        code = code or BROKE
    if code:
        python = Path(sys.executable).name
        again = [python, "-m", "testing.generated", "--cases", str(cases), "--seed", str(seed)]
        console.print(f"what it printed, and its report: {folder}", soft_wrap=True)
        console.print(f"run it again: {shlex.join(again)}", soft_wrap=True)
    raise typer.Exit(code)


if __name__ == "__main__":
    typer.run(generated)
