"""What the command does, with what it shows meanwhile."""

import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from loadtest.experiments import service_time_sweep
from loadtest.experiments.experiment import (
    NO_CHANGES,
    Changes,
    Experiment,
    Intake,
    NotChangeable,
    Plan,
)
from loadtest.experiments.overload import SETUP
from loadtest.experiments.priority_under_flood import SABOTAGES, PriorityUnderFlood
from loadtest.experiments.registry import EXPERIMENTS
from loadtest.report.terminal import summary
from loadtest.results.folder import RESULTS, RunFolder
from loadtest.results.lock import all_held
from loadtest.results.source import describe
from loadtest.running.intake import measure_intake
from loadtest.running.replaying import Replayed
from loadtest.running.run import Progress as RunProgress
from loadtest.running.run import Run
from loadtest.running.sweep import sweep
from loadtest.running.targets import (
    LocalTarget,
    Refused,
    Target,
    broker_of,
    choose,
    own_api_key,
    own_broker,
)
from loadtest.running.warmup import warm_up
from loadtest.schedule import Arm
from loadtest.verdict.verdict import Verdict
from testing.terminal import to_stdout

ROOT = Path(__file__).parents[2]
#: For a plan that is drawn only to learn whether it can be.
_ANY_INTAKE = Intake(orders_per_s=1.0)


@dataclass(frozen=True, slots=True)
class Session:
    """One invocation: where notes go, and where the folder is made."""

    notes: Console
    results: Path

    def run(
        self,
        name: str,
        profile: str | None,
        seed: int,
        stack: str,
        control_url: str | None,
        *,
        sabotage: str | None = None,
        broker: str | None = None,
        changes: Changes = NO_CHANGES,
    ) -> Verdict:
        """Raises what `Run.execute` raises."""
        broker = broker_of(stack, broker)
        target = choose(stack, control_url, broker)
        told = {**_where(stack, control_url), "broker": broker}
        again = ["python", "-m", "loadtest", "run", name, "--seed", str(seed)]
        again += _options(stack=stack, control=control_url, sabotage=sabotage, broker=broker)
        again += _options(**asdict(changes))
        again += self._out()
        if name == service_time_sweep.NAME:
            if sabotage or changes != NO_CHANGES:
                raise Refused(f"{name} has its own rates, lengths and topologies")
            profile = profile or "quick"
            return self._swept(profile, seed, target, [*again, "--profile", profile], told)
        experiment = _experiment(name, sabotage)
        if sabotage is not None and stack != LocalTarget.name:
            raise Refused(f"--sabotage {sabotage} can be had on --stack {LocalTarget.name} only")
        profile = profile or ("sabotage" if sabotage else experiment.default_profile)
        # Whatever is wrong with what was asked for is told before anything is begun.
        _planned(experiment, profile, seed, _ANY_INTAKE, changes)
        has_to_be_measured = experiment.needs_intake and changes.orders_per_s is None
        if not target.is_own:
            _check_foreign(experiment, has_to_be_measured=has_to_be_measured)
        folder = self._folder(experiment.name)
        with folder.completed():
            intake = self._intake(target) if has_to_be_measured else None
            run = Run(
                experiment=experiment,
                plan=self._fitted(_planned(experiment, profile, seed, intake, changes), target),
                target=target,
                folder=folder,
                command=[*again, "--profile", profile],
                configuration={**told, "profile": profile, "sabotage": sabotage},
            )
            return self._carried_out(run)

    def replay(self, earlier: Path, stack: str | None, control_url: str | None) -> Verdict:
        """The same schedule and stacks; raises what `Run.execute` raises."""
        again = Replayed.of(earlier)
        command = ["python", "-m", "loadtest", "replay", str(earlier)]
        command += [*_options(stack=stack, control=control_url), *self._out()]
        if stack is None:
            stack, control_url = again.stack, control_url or again.control_url
        # Whatever the environment says now: it ran on Redis then.
        target = choose(stack, control_url, again.broker or own_broker(stack))
        if again.plan is None:
            told = {**_where(stack, control_url), "broker": again.broker}
            return self._swept(again.profile, again.seed, target, command, told)
        if not target.is_own:
            _check_foreign(EXPERIMENTS[again.experiment], has_to_be_measured=False)
        folder = self._folder(again.experiment)
        with folder.completed():
            run = Run(
                experiment=EXPERIMENTS[again.experiment],
                plan=self._fitted(again.plan, target),
                target=target,
                folder=folder,
                command=command,
                configuration=_where(stack, control_url),
            )
            return self._carried_out(run)

    def _swept(
        self,
        profile: str,
        seed: int,
        target: Target,
        again: Sequence[str],
        told: Mapping[str, str | None],
    ) -> Verdict:
        if profile not in service_time_sweep.PROFILES:
            raise _no_profile(profile)
        folder = self._folder(service_time_sweep.NAME)
        self._begun(service_time_sweep.NAME, seed, folder)
        with self._progress() as show:
            verdict = sweep(profile, seed, target, folder, again, show, configuration=told)
        self._show(folder, again, verdict)
        return verdict

    def _intake(self, target: Target) -> Intake:
        """On a shop that is thrown away: what it was flooded with need not be worked off."""
        self.notes.print("measuring how many orders a second the API takes ...")
        # Orders of an earlier measurement may be there still, on a shop that is not ours.
        run_id = f"intake-{int(time.time()):x}"
        with all_held(target.holds), target.raised(SETUP) as shop:
            warm_up(shop.base_url, run_id, own_api_key())
            intake = measure_intake(shop.base_url, run_id, own_api_key())
        self.notes.print(f"it takes {intake.orders_per_s:.0f} a second")
        return intake

    def _fitted(self, plan: Plan, target: Target) -> Plan:
        """Without the control where there is no shop for it, and what is not known of the shop."""
        if not target.is_own:
            plan = plan.for_a_foreign_shop()
        if Arm.CONTROL not in plan.setups or target.has_control:
            return plan
        self.notes.print("no --control: without it there is no PASS", soft_wrap=True)
        return plan.without_control()

    def _folder(self, experiment: str) -> RunFolder:
        return RunFolder.create(self.results, experiment=experiment, commit=describe(ROOT).commit)

    def _carried_out(self, run: Run) -> Verdict:
        self._begun(run.experiment.name, run.plan.schedule.seed, run.folder)
        with self._progress() as show:
            run.on_progress = show
            verdict = run.execute()
        self._show(run.folder, run.command, verdict)
        return verdict

    def _out(self) -> Sequence[str]:
        return () if self.results == RESULTS else ("--out", str(self.results))

    def _begun(self, name: str, seed: int, folder: RunFolder) -> None:
        self.notes.print(f"{name}, seed {seed}: {folder.path}", soft_wrap=True)

    def _show(self, folder: RunFolder, command: Sequence[str], verdict: Verdict) -> None:
        to_stdout().print(summary(verdict))
        self.notes.print(f"report: {folder.report}", soft_wrap=True)
        if verdict.conclusion:
            self.notes.print(f"run it again: {shlex.join(command)}", soft_wrap=True)

    @contextmanager
    def _progress(self) -> Iterator[Callable[[RunProgress], None]]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} blocks{task.fields[depth]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.notes) as bar:
            task = bar.add_task("starting", total=None, depth="")

            def show(now: RunProgress) -> None:
                depth = now.depth
                waiting = f", {depth.default} + {depth.priority} waiting" if depth else ""
                bar.update(
                    task,
                    completed=now.walked,
                    total=now.blocks,
                    description=now.phase,
                    depth=waiting,
                )

            yield show


def _experiment(name: str, sabotage: str | None) -> Experiment:
    if name not in EXPERIMENTS:
        names = ", ".join([*EXPERIMENTS, service_time_sweep.NAME])
        raise Refused(f"no experiment {name}: {names}")
    if sabotage is None:
        return EXPERIMENTS[name]
    if name != PriorityUnderFlood().name or sabotage not in SABOTAGES:
        raise Refused(f"no sabotage {sabotage} of {name}: {', '.join(SABOTAGES)}")
    return SABOTAGES[sabotage][1]


def _check_foreign(experiment: Experiment, *, has_to_be_measured: bool) -> None:
    """Raises `Refused` for what nobody may do to a shop, or can see of one, that is not ours."""
    if has_to_be_measured:
        raise Refused(
            f"{experiment.name} would flood somebody's shop to learn what it takes: say how many "
            "orders a second are to be offered, at best twice that, with --orders-per-s"
        )
    if experiment.needs_memory:
        raise Refused(
            f"{experiment.name} asks what memory a shop takes, which nobody sees from outside: "
            "--stack local or containers"
        )


def _planned(
    experiment: Experiment, profile: str, seed: int, intake: Intake | None, changes: Changes
) -> Plan:
    try:
        return experiment.plan(profile, seed, intake, changes)
    except KeyError:
        raise _no_profile(profile) from None
    except NotChangeable as error:
        raise Refused(str(error)) from None


def _options(**given: object) -> list[str]:
    """As they are typed; those that were not given are left out."""
    return [
        word
        for name, value in given.items()
        if value is not None
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]


def _where(stack: str, control_url: str | None) -> dict[str, str | None]:
    """Of the configuration; what was not given has no entry, as in runs of earlier versions."""
    return {"stack": stack} if control_url is None else {"stack": stack, "control": control_url}


def _no_profile(name: str | None) -> Refused:
    return Refused(f"no profile {name}: quick, full")
