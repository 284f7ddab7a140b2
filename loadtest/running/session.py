"""What the command does, with what it shows meanwhile."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from loadtest.experiments import service_time_sweep
from loadtest.experiments.experiment import Experiment, Intake, Plan, Setup, Topology
from loadtest.experiments.overload import SETUP
from loadtest.experiments.priority_under_flood import SABOTAGES, PriorityUnderFlood
from loadtest.experiments.registry import EXPERIMENTS
from loadtest.report.terminal import summary
from loadtest.results.folder import RunFolder
from loadtest.results.manifest import Manifest
from loadtest.results.source import describe
from loadtest.running.intake import measure_intake
from loadtest.running.run import Progress as RunProgress
from loadtest.running.run import Run
from loadtest.running.sweep import sweep
from loadtest.running.targets import Refused, Target, choose
from loadtest.running.warmup import warm_up
from loadtest.schedule import Arm, Schedule
from loadtest.verdict.verdict import Verdict

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Session:
    """One invocation: where notes go, where the folder is made, and how it was typed."""

    notes: Console
    results: Path
    argv: Sequence[str]

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
    ) -> int:
        """The verdict's exit code; raises what `Run.execute` raises."""
        again = ["python", "-m", "loadtest", "run", name, "--seed", str(seed), "--stack", stack]
        again += ["--control", control_url] if control_url else []
        again += ["--sabotage", sabotage] if sabotage else []
        again += ["--broker", broker] if broker else []
        target = choose(stack, control_url, broker)
        if name == service_time_sweep.NAME:
            again += ["--profile", profile or "quick"]
            return self._swept(profile or "quick", seed, target, again)
        experiment = _experiment(name, sabotage)
        profile = profile or ("sabotage" if sabotage else experiment.default_profile)
        again += ["--profile", profile]
        try:
            intake = self._intake(target) if experiment.needs_intake else None
            plan = experiment.plan(profile, seed, intake)
        except KeyError:
            raise _no_profile(profile) from None
        run = Run(
            experiment=experiment,
            plan=plan,
            target=target,
            folder=self._folder(experiment.name),
            command=again,
            configuration={
                "profile": profile,
                "stack": stack,
                "broker": broker,
                "sabotage": sabotage,
            },
        )
        return self._carried_out(run)

    def replay(self, earlier: Path, stack: str, control_url: str | None) -> int:
        """The same schedule and stacks; raises what `Run.execute` raises."""
        folder = RunFolder.load(earlier)
        manifest = Manifest.read(folder.manifest)
        experiment = EXPERIMENTS.get(manifest.experiment)
        if experiment is None:
            raise Refused(f"{earlier} is of an experiment that is no more: {manifest.experiment}")
        schedule = Schedule.read(folder.schedule)
        if schedule.sha256 != manifest.schedule_sha256:
            raise Refused(f"{folder.schedule} was changed since its run")
        setups = {
            Arm(arm): Setup(
                setup["environment"], Topology(setup["topology"]), setup.get("cores_apart", False)
            )
            for arm, setup in manifest.configuration["stacks"].items()
        }
        run = Run(
            experiment=experiment,
            plan=Plan(schedule, setups, manifest.configuration),
            target=choose(stack, control_url),
            folder=self._folder(experiment.name),
            command=["python", "-m", "loadtest", "replay", str(earlier), "--stack", stack],
            configuration={"stack": stack},
        )
        return self._carried_out(run)

    def _swept(self, profile: str, seed: int, target: Target, again: Sequence[str]) -> int:
        if profile not in service_time_sweep.PROFILES:
            raise _no_profile(profile)
        folder = self._folder(service_time_sweep.NAME)
        with self._progress() as show:
            verdict = sweep(profile, seed, target, folder, again, show)
        self._show(folder, again, verdict)
        return int(verdict.conclusion)

    def _intake(self, target: Target) -> Intake:
        """On a shop that is thrown away: what it was flooded with need not be worked off."""
        self.notes.print("measuring how many orders a second the API takes ...")
        with target.raised(SETUP) as shop:
            warm_up(shop.base_url, "intake")
            intake = measure_intake(shop.base_url, "intake")
        self.notes.print(f"it takes {intake.orders_per_s:.0f} a second")
        return intake

    def _folder(self, experiment: str) -> RunFolder:
        return RunFolder.create(self.results, experiment=experiment, commit=describe(ROOT).commit)

    def _carried_out(self, run: Run) -> int:
        self.notes.print(
            f"{run.experiment.name}, seed {run.plan.schedule.seed}: {run.folder.path}",
            soft_wrap=True,
        )
        with self._progress() as show:
            run.on_progress = show
            verdict = run.execute()
        self._show(run.folder, run.command, verdict)
        return int(verdict.conclusion)

    def _show(self, folder: RunFolder, command: Sequence[str], verdict: Verdict) -> None:
        Console(highlight=False).print(summary(verdict))
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


def _no_profile(name: str | None) -> Refused:
    return Refused(f"no profile {name}: quick, full")
