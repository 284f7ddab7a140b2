"""The lab's command: `python -m loadtest run priority-under-flood --seed 7`."""

import random
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from loadtest.bench.bench import BenchBroke
from loadtest.comparing import NotComparable
from loadtest.results.folder import RESULTS, FolderUnusable
from loadtest.results.lock import StackHeld
from loadtest.results.manifest import ManifestUnreadable
from loadtest.running.generator import GeneratorBroke
from loadtest.running.intake import NoIntake
from loadtest.running.interrupting import ended_in_peace
from loadtest.running.targets import Refused
from loadtest.running.warmup import NeverWarm
from testing.stack import StackFailed
from testing.terminal import to_stderr, to_stdout
from testing.waiting import TimedOut

BROKE = 2
CUT_OFF = "interrupted: all was stopped, what there is of the run is marked as incomplete"
#: What ends a run with one line and exit code 2.
REASONS = (
    BenchBroke,
    Refused,
    StackHeld,
    FolderUnusable,
    ManifestUnreadable,
    NotComparable,
    GeneratorBroke,
    NeverWarm,
    NoIntake,
    StackFailed,
    TimedOut,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Floods the shop, and says with an exit code whether it held: "
    "0 PASS, 1 FAIL, 2 the lab broke, 3 INCONCLUSIVE.",
)
notes = to_stderr()

Profile = Annotated[
    str | None,
    typer.Option(help="`quick`: minutes; `full`: up to half an hour, of soak (its default) one."),
]
Seed = Annotated[int | None, typer.Option(help="Default: a new one.")]
Where = Annotated[str, typer.Option(help="`local`, `containers`, or the URL of a shop.")]
Control = Annotated[
    str | None,
    typer.Option(help="With a URL: that of a shop which sends notifications to `default`."),
]
#: All arrivals are drawn before any is sent, and kept.
Rate = Annotated[
    float | None, typer.Option(min=0, max=10_000, help="A mean, instead of the profile's.")
]
Out = Annotated[Path, typer.Option(help="Where the run's folder is made.")]


@app.command()
def run(
    name: Annotated[str, typer.Argument(metavar="EXPERIMENT", help="See `list`.")],
    profile: Profile = None,
    seed: Seed = None,
    stack: Where = "local",
    control: Control = None,
    out: Out = RESULTS,
    sabotage: Annotated[
        str | None, typer.Option(help="Break the topology on purpose; the verdict must turn red.")
    ] = None,
    broker: Annotated[
        str | None, typer.Option(help="`redis`, or `rabbitmq` as a node of its own.")
    ] = None,
    probes_per_s: Rate = None,
    orders_per_s: Rate = None,
    duration_s: Annotated[
        float | None,
        typer.Option(min=1, max=86_400, help="Of all blocks together, instead of the profile's."),
    ] = None,
) -> None:
    """Run an experiment, and exit by its verdict."""

    def work() -> int:
        from loadtest.experiments.experiment import Changes
        from loadtest.running.session import Session

        verdict = Session(notes, out).run(
            name,
            profile,
            _drawn(seed),
            stack,
            control,
            sabotage=sabotage,
            broker=broker,
            changes=Changes(probes_per_s, orders_per_s, duration_s),
        )
        return int(verdict.conclusion)

    _exit_by(work, interrupted=CUT_OFF)


@app.command()
def replay(
    folder: Annotated[Path, typer.Argument(help="The folder of an earlier run.")],
    stack: Annotated[str | None, typer.Option(help="As for `run`; default: as it was.")] = None,
    control: Control = None,
    out: Out = RESULTS,
) -> None:
    """Run the schedule and the configuration of an earlier run again."""

    def work() -> int:
        from loadtest.running.session import Session

        return int(Session(notes, out).replay(folder, stack, control).conclusion)

    _exit_by(work, interrupted=CUT_OFF)


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="A run's folder.")],
    after: Annotated[Path, typer.Argument(help="Another's.")],
    force: Annotated[bool, typer.Option(help="Even if they did not do the same.")] = False,
) -> None:
    """Ratios of two runs, with intervals; refused unless both did the same."""

    def work() -> int:
        from loadtest import comparing

        to_stdout().print(comparing.table(comparing.compare(before, after, force)))
        return 0

    _exit_by(work)


@app.command()
def ui(
    host: Annotated[
        str | None,
        typer.Option(
            help="The base URL of a shop, or `local` to raise one. Default: "
            "http://127.0.0.1:8000 if one is ready there, else `local`."
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="Of the page.", min=1, max=65535)] = 8089,
    seed: Seed = None,
) -> None:
    """Serve Locust's page with the scenarios, and the live verdict, until Ctrl-C."""

    def work() -> int:
        from loadtest.web.serving import serve

        return serve(host, port, _drawn(seed), notes)

    _exit_by(work)


@app.command()
def sabotage(
    names: Annotated[list[str] | None, typer.Argument(help="Default: all.")] = None,
    seed: Seed = None,
    out: Out = RESULTS,
) -> None:
    """Break the topology on purpose; exit code 0 when the verdict turned red each time, else 1."""

    def work() -> int:
        from loadtest.running.sabotage import sabotage as carried_out

        return carried_out(names or [], _drawn(seed), notes, out)

    _exit_by(work, interrupted=CUT_OFF)


@app.command()
def verify(
    only: Annotated[list[str] | None, typer.Argument(help="Default: all quick ones.")] = None,
) -> None:
    """Show the docs' claims by their commands: 0 when all hold, else 1."""

    def work() -> int:
        from loadtest.claims import verify as verified

        return verified(only or [], notes)

    _exit_by(work)


@app.command()
def bench(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="See `list`. Default: all.")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Of each; default: as many as it needs.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Measure the shop beside its baselines: 0 when all is reached, else 1."""

    def work() -> int:
        from loadtest.bench.running import bench as measured

        return measured(names or [], rounds, json, notes)

    _exit_by(work)


@app.command("list")
def list_experiments() -> None:
    """What can be run."""
    from loadtest.experiments import service_time_sweep
    from loadtest.experiments.registry import EXPERIMENTS

    questions = {name: experiment.question for name, experiment in EXPERIMENTS.items()}
    questions[service_time_sweep.NAME] = service_time_sweep.QUESTION
    from loadtest.bench.registry import BENCHES

    questions |= {f"bench {name}": one.question for name, one in BENCHES.items()}
    for name, question in questions.items():
        typer.echo(f"{name:<22} {question}")


def _drawn(seed: int | None) -> int:
    return random.SystemRandom().randrange(1_000_000) if seed is None else seed


def _exit_by(work: Callable[[], int], interrupted: str = "interrupted: all is ended") -> NoReturn:
    """What `work` needs is imported in it: an interrupt meanwhile has to end with 2 as well."""
    try:
        with ended_in_peace():
            code = work()
    except KeyboardInterrupt:
        notes.print(interrupted)
        code = BROKE
    except REASONS as error:
        notes.print(_first_line(error), markup=False, soft_wrap=True)
        code = BROKE
    except Exception as error:
        traceback.print_exc()
        reason = f"the lab broke: {type(error).__name__}: {_first_line(error)}"
        notes.print(reason, markup=False, soft_wrap=True)
        code = BROKE
    raise typer.Exit(code)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


if __name__ == "__main__":
    app(prog_name="python -m loadtest")
