"""One run: from a plan to a folder with a verdict."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from loadtest import history
from loadtest.experiments.experiment import Experiment, Plan
from loadtest.history import Depth, HistoryWriter, Sample, Walked
from loadtest.report.writing import write_run
from loadtest.results.folder import FolderUnusable, RunFolder
from loadtest.results.lock import all_held
from loadtest.results.manifest import Manifest
from loadtest.results.source import describe
from loadtest.running.following import Follower
from loadtest.running.generator import walk
from loadtest.running.monitor import Monitor
from loadtest.running.targets import Refused, Shop, Target, own_api_key
from loadtest.running.warmup import warm_up
from loadtest.schedule import Arm
from loadtest.verdict.verdict import Verdict

ROOT = Path(__file__).parents[2]
#: A block and its drain may take so many times what the block takes, and then so much more.
SLACK, MORE_S = 6.0, 60.0


@dataclass(slots=True)
class Progress:
    """How far a run is, for whoever shows it."""

    blocks: int
    phase: str = "starting"
    walked: int = 0
    depth: Depth | None = None
    samples: int = 0

    def named(self, prefix: str) -> "Progress":
        """The same as a part of something larger."""
        return replace(self, phase=prefix + self.phase)


@dataclass(slots=True)
class Run:
    """Walks every arm of a plan, each on a shop of its own, and judges.

    What it starts is ended whatever happens; what was recorded stays in the folder.
    """

    experiment: Experiment
    plan: Plan
    target: Target
    folder: RunFolder
    command: Sequence[str]
    on_progress: Callable[[Progress], None] = lambda _: None
    #: Goes into the manifest beside the plan's.
    configuration: Mapping[str, Any] = field(default_factory=dict)

    def execute(self) -> Verdict:
        """Raises `Refused`, `StackHeld`, `FolderUnusable`, `GeneratorBroke`, `StackFailed`,
        `TimedOut`, `NeverWarm`.
        """
        progress = Progress(blocks=len(self.plan.schedule.blocks))
        with self.folder.completed():
            for gate in self.plan.preconditions:
                if not gate.holds:
                    raise Refused(f"this does not hold: {gate.name}: {gate.detail}")
            return self._held(progress)

    def _held(self, progress: Progress) -> Verdict:
        schedule = self.plan.schedule
        with all_held(self.target.holds):
            schedule.write(self.folder.schedule)
            manifest = Manifest.begin(
                experiment=self.experiment.name,
                seed=schedule.seed,
                command=self.command,
                configuration={**self.plan.configuration, **self.configuration},
                schedule_sha256=schedule.sha256,
                source=describe(ROOT),
            )
            manifest.write(self.folder.manifest)
            self._check_all()
            try:
                self._walk_all(manifest, progress)
            except BaseException as error:
                # What there is, is worth looking at.
                self._keep(manifest, error)
                raise
            self._show(progress, "judging")
            events = list(history.read(self.folder.history))
            verdict = self.experiment.judge(self.plan, events)
            manifest.end()
            write_run(self.folder, manifest, schedule, events, verdict)
        return verdict

    def _check_all(self) -> None:
        """Not only the first: that the second cannot be had should not cost the first's time."""
        for arm, setup in self.plan.setups.items():
            if self.plan.schedule.of(arm):
                self.target.check(setup)

    def _walk_all(self, manifest: Manifest, progress: Progress) -> None:
        for arm, setup in self.plan.setups.items():
            if not self.plan.schedule.of(arm):
                continue
            self._show(progress, f"{arm}: raising the shop")
            with self.target.raised(setup) as shop:
                self._walk(arm, shop, progress)
                manifest.add_redis(arm, shop.redis)
                manifest.add_images(shop.images)

    def _keep(self, manifest: Manifest, error: BaseException) -> None:
        if not self.folder.history.exists():
            return
        with suppress(FolderUnusable):
            write_run(
                self.folder,
                manifest,
                self.plan.schedule,
                list(history.read(self.folder.history)),
                None,
                why_incomplete=str(error).partition("\n")[0] or "interrupted",
            )

    def _walk(self, arm: Arm, shop: Shop, progress: Progress) -> None:
        # Ids of orders differ from run to run: a schedule may be walked again on the same shop.
        run_id = f"{int(time.time()):x}"
        self._show(progress, f"{arm}: warming up")
        warm_up(shop.base_url, f"{run_id}-{arm}", own_api_key())
        blocks = self.plan.schedule.of(arm)
        with ExitStack() as opened:
            follower = opened.enter_context(Follower(self.folder.history))
            writer = opened.enter_context(closing(HistoryWriter(self.folder.history)))
            monitor = Monitor(shop, writer)

            def look() -> None:
                monitor.look()
                for event in follower.new():
                    match event:
                        case Walked():
                            progress.walked += 1
                        case Depth():
                            progress.depth = event
                        case Sample():
                            progress.samples += 1
                self._show(progress, f"{arm}: walking the schedule")

            walk(
                base_url=shop.base_url,
                arm=arm,
                schedule_file=self.folder.schedule,
                history_file=self.folder.history,
                run_id=run_id,
                folder=self.folder.path,
                within_s=sum(block.duration_s * SLACK + MORE_S for block in blocks),
                while_waiting=look,
            )
            look()

    def _show(self, progress: Progress, phase: str) -> None:
        progress.phase = phase
        self.on_progress(progress)
