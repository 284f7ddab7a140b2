"""The command: `python -m testing.chaos --quick --seed 7`."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from testing.brokers import RABBITMQ_BROKER, REDIS_BROKER
from testing.chaos import plan as plans
from testing.chaos.driver import DriverBroke
from testing.chaos.outcome import Outcome
from testing.chaos.report import summary, write_report
from testing.chaos.runner import Progress as RunProgress
from testing.chaos.runner import Run, RunBroke
from testing.checkers import Verdict
from testing.commands import again, commit, interrupt_on_sigterm, show_origin
from testing.terminal import to_stderr, to_stdout

EXIT_CODES = {Verdict.VALID: 0, Verdict.INVALID: 1, Verdict.UNKNOWN: 3}
BROKE = 2


def chaos(
    quick: Annotated[bool, typer.Option(help="300 orders and 6 faults, in a minute.")] = False,
    seed: Annotated[int | None, typer.Option(help="Default: a new one.")] = None,
    orders: Annotated[int | None, typer.Option(min=1, help="At least so many orders.")] = None,
    broker: Annotated[
        str, typer.Option(help="`redis`, or `rabbitmq`, which is killed too.")
    ] = REDIS_BROKER,
    out: Annotated[Path | None, typer.Option(help="A new folder for the run.")] = None,
) -> None:
    """Orders under faults: is anything lost, done twice or oversold?

    Exit code: 0 valid, 1 invalid, 2 the harness broke, 3 unknown.
    """
    console = to_stderr()
    profile = plans.QUICK if quick else plans.FULL
    if orders is not None:
        profile = replace(profile, orders=orders)
    if broker == RABBITMQ_BROKER:
        profile = replace(profile, broker=broker, broker_kills=1 if quick else 2)
    elif broker != REDIS_BROKER:
        raise typer.BadParameter(f"{broker} is neither {REDIS_BROKER} nor {RABBITMQ_BROKER}")
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    options = ["--quick"] * quick + ["--seed", str(seed)]
    options += [] if orders is None else ["--orders", str(orders)]
    options += [] if broker == REDIS_BROKER else ["--broker", broker]
    repeat = again("testing.chaos", *options)
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    folder = out or Path("results") / f"{stamp}-chaos-{profile.name}-{commit()}"
    interrupt_on_sigterm()
    try:
        folder.mkdir(parents=True)
        outcome = _execute(plans.Plan(seed, profile), folder, console)
        write_report(folder, outcome, repeat)
    except KeyboardInterrupt:
        console.print("interrupted: everything was healed and stopped")
        code = BROKE
    except Exception as error:
        show_origin(console, error, RunBroke, DriverBroke)
        console.print(f"the harness broke: {type(error).__name__}: {error}", markup=False)
        code = BROKE
    else:
        to_stdout().print(summary(outcome))
        for reason in outcome.reasons:
            console.print(f"  {reason}", markup=False)
        console.print(f"report: {folder / 'report.html'}", soft_wrap=True)
        code = EXIT_CODES[outcome.verdict]
    if code:
        console.print(f"seed {seed}; run it again: {repeat}", soft_wrap=True)
    raise typer.Exit(code)


def _execute(plan: plans.Plan, folder: Path, console: Console) -> Outcome:
    columns = (
        TextColumn("{task.fields[phase]:<26}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} orders, {task.fields[faults]} faults"),
        TimeElapsedColumn(),
    )
    faults = len(plan.disturbances())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=plan.profile.orders, phase="starting", faults=f"0/{faults}")

        def show(now: RunProgress) -> None:
            phase = f"{now.phase}, {now.owed} owed" if now.owed else now.phase
            bar.update(task, completed=now.orders, phase=phase, faults=f"{now.faults}/{faults}")

        return Run(plan, folder, show).execute()


if __name__ == "__main__":
    typer.run(chaos)
