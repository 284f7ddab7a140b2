"""What an earlier run did, read from its folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from loadtest.experiments import service_time_sweep
from loadtest.experiments.capacity import preconditions
from loadtest.experiments.experiment import Plan, Setup, Topology
from loadtest.experiments.registry import EXPERIMENTS
from loadtest.experiments.service_time_sweep import SweepCell
from loadtest.results.folder import RunFolder
from loadtest.results.manifest import Manifest
from loadtest.running.targets import LocalTarget, Refused
from loadtest.schedule import Arm, Rates, Schedule


@dataclass(frozen=True, slots=True)
class Replayed:
    """A run that can be run again."""

    experiment: str
    seed: int
    #: Where it was run.
    stack: str
    control_url: str | None
    broker: str | None
    profile: str
    #: None for a sweep, whose cells have a plan each.
    plan: Plan | None

    @classmethod
    def of(cls, earlier: Path) -> Self:
        """Raises `Refused`, `FolderUnusable`, `ManifestUnreadable`."""
        folder = RunFolder.load(earlier)
        manifest = Manifest.read(folder.manifest)
        told = manifest.configuration
        where = (told.get("stack") or LocalTarget.name, told.get("control"), told.get("broker"))
        if manifest.experiment == service_time_sweep.NAME:
            profile = _swept_profile(earlier, manifest)
            return cls(manifest.experiment, manifest.seed, *where, profile, None)
        if manifest.experiment not in EXPERIMENTS:
            raise Refused(f"{earlier} is of an experiment that is no more: {manifest.experiment}")
        try:
            setups = {Arm(arm): _setup(of) for arm, of in told["stacks"].items()}
            rates = Rates(float(told["probes_per_s"]), float(told["orders_per_s"]))
            is_shed = EXPERIMENTS[manifest.experiment].needs_intake
            checked = preconditions(
                setups[Arm.MAIN], rates, None if is_shed else float(told["block_s"])
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise Refused(
                f"{earlier} was left by another version, whose stacks this one cannot raise: "
                f"{type(error).__name__} {error}"
            ) from None
        schedule = _schedule(folder, manifest)
        plan = Plan(schedule, setups, told, checked)
        return cls(manifest.experiment, manifest.seed, *where, str(told.get("profile")), plan)


def _swept_profile(earlier: Path, manifest: Manifest) -> str:
    """Raises `Refused` unless every cell that was walked would be drawn as it was."""
    if "cell" in manifest.configuration:
        raise Refused(f"{earlier} is one cell of a sweep: replay {earlier.absolute().parent}")
    profile = str(manifest.configuration.get("profile"))
    if profile not in service_time_sweep.PROFILES:
        raise Refused(f"{earlier} is of a profile that is no more: {profile}")
    block_s, cells = service_time_sweep.PROFILES[profile]
    for cell in cells:
        folder = RunFolder(earlier / cell.name)
        if folder.schedule.is_file():
            drawn = SweepCell(cell, block_s).plan(profile, manifest.seed).schedule
            if _schedule(folder, Manifest.read(folder.manifest)).sha256 != drawn.sha256:
                raise Refused(
                    f"{earlier} was left by another version: its {cell.name} would be walked "
                    "with other arrivals now"
                )
    return profile


def _schedule(folder: RunFolder, manifest: Manifest) -> Schedule:
    try:
        schedule = Schedule.read(folder.schedule)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise Refused(f"{folder.schedule} cannot be read: {reason}") from None
    if schedule.sha256 != manifest.schedule_sha256:
        raise Refused(f"{folder.schedule} was changed since its run")
    return schedule


def _setup(described: dict[str, Any]) -> Setup:
    return Setup(
        dict(described["environment"]),
        Topology(described["topology"]),
        described.get("cores_apart", False),
    )
