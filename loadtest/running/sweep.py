"""Runs every cell of the service-time sweep, each in a folder of its own, and judges them all."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from loadtest.experiments.service_time_sweep import (
    NAME,
    PROFILES,
    Cell,
    SweepCell,
    judge_sweep,
)
from loadtest.report.writing import write_run
from loadtest.results.folder import RunFolder
from loadtest.results.manifest import Manifest
from loadtest.results.source import describe
from loadtest.running.run import ROOT, Progress, Run
from loadtest.running.targets import Target
from loadtest.schedule import Arm, Schedule
from loadtest.verdict.verdict import Verdict


def sweep(
    profile: str,
    seed: int,
    target: Target,
    folder: RunFolder,
    command: Sequence[str],
    on_progress: Callable[[Progress], None],
    *,
    configuration: Mapping[str, Any],
) -> Verdict:
    """Raises what `Run.execute` raises, and `KeyError` for an unknown profile."""
    block_s, cells = PROFILES[profile]
    verdicts = dict[Cell, Verdict]()
    with folder.completed():
        schedule = Schedule(seed, [])
        manifest = Manifest.begin(
            experiment=NAME,
            seed=seed,
            command=command,
            configuration={
                **configuration,
                "profile": profile,
                "block_s": block_s,
                "cells": [cell.name for cell in cells],
            },
            schedule_sha256=schedule.sha256,
            source=describe(ROOT),
        )
        manifest.write(folder.manifest)
        experiments = [SweepCell(cell, block_s) for cell in cells]
        plans = [experiment.plan(profile, seed) for experiment in experiments]
        for plan in plans:
            # Not only the first: minutes would be lost before the last is refused.
            target.check(plan.setups[Arm.MAIN])
        for number, (experiment, plan) in enumerate(zip(experiments, plans, strict=True), start=1):
            cell = experiment.cell
            prefix = f"{number}/{len(cells)} {cell.label}: "
            run = Run(
                experiment=experiment,
                plan=plan,
                target=target,
                folder=_cell_folder(folder.path / cell.name),
                command=command,
                on_progress=_named(prefix, on_progress),
                configuration=configuration,
            )
            verdicts[cell] = run.execute()
        manifest.end()
        verdict = judge_sweep(verdicts)
        write_run(folder, manifest, schedule, [], verdict)
    return verdict


def _named(prefix: str, show: Callable[[Progress], None]) -> Callable[[Progress], None]:
    return lambda now: show(now.named(prefix))


def _cell_folder(path: Path) -> RunFolder:
    path.mkdir()
    folder = RunFolder(path)
    folder.mark_incomplete("the run is under way, or was killed")
    return folder
