"""What is read from an earlier run's folder, or a line that says why nothing can be."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from loadtest.experiments.experiment import Changes, Intake
from loadtest.experiments.priority_under_flood import SABOTAGES, PriorityUnderFlood
from loadtest.experiments.registry import EXPERIMENTS
from loadtest.experiments.service_time_sweep import NAME, PROFILES, SweepCell
from loadtest.results.folder import FolderUnusable, RunFolder
from loadtest.results.manifest import Manifest, ManifestUnreadable
from loadtest.running.replaying import Replayed
from loadtest.running.targets import Refused
from loadtest.schedule import Schedule

SEED = 7
PLAN = PriorityUnderFlood().plan("quick", SEED)


def written(
    path: Path, experiment: str, schedule: Schedule, configuration: Mapping[str, Any]
) -> Path:
    path.mkdir()
    folder = RunFolder(path)
    schedule.write(folder.schedule)
    Manifest(
        experiment=experiment,
        seed=SEED,
        command=[],
        configuration=dict(configuration),
        schedule_sha256=schedule.sha256,
        source={},
        software={},
        machine={},
    ).write(folder.manifest)
    return path


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    configuration = {**PLAN.configuration, "broker": "rabbitmq", "stack": "local", "control": None}
    return written(tmp_path / "run", "priority-under-flood", PLAN.schedule, configuration)


@pytest.fixture
def swept(tmp_path: Path) -> Path:
    """A sweep's folder with a folder for each cell."""
    path = written(tmp_path / "sweep", NAME, Schedule(SEED, []), {"profile": "quick"})
    block_s, cells = PROFILES["quick"]
    for cell in cells:
        plan = SweepCell(cell, block_s).plan("quick", SEED)
        written(path / cell.name, NAME, plan.schedule, plan.configuration)
    return path


def test_the_schedule_the_stacks_and_the_broker_are_what_they_were(earlier: Path) -> None:
    again = Replayed.of(earlier)

    assert (again.stack, again.control_url, again.broker) == ("local", None, "rabbitmq")
    assert again.plan is not None
    assert again.plan.schedule.sha256 == PLAN.schedule.sha256
    assert again.plan.setups == PLAN.setups
    assert again.plan.preconditions == PLAN.preconditions


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_is_refused_again_for_what_it_cannot_serve(
    tmp_path: Path, name: str
) -> None:
    changes = Changes(probes_per_s=1_900, duration_s=90)
    plan = EXPERIMENTS[name].plan("quick", SEED, Intake(50.0), changes)
    path = written(tmp_path / "run", name, plan.schedule, plan.configuration)

    again = Replayed.of(path)

    assert again.plan is not None
    assert again.plan.preconditions == plan.preconditions
    assert not again.plan.preconditions[0].holds


def test_a_shop_that_was_there_is_asked_again(tmp_path: Path) -> None:
    shops = {"stack": "http://a:1", "control": "http://b:2"}
    path = written(
        tmp_path / "run", "priority-under-flood", PLAN.schedule, {**PLAN.configuration, **shops}
    )

    again = Replayed.of(path)

    assert (again.stack, again.control_url) == ("http://a:1", "http://b:2")


def test_a_broken_topology_stays_broken(tmp_path: Path) -> None:
    for name, (_, experiment) in SABOTAGES.items():
        plan = experiment.plan("sabotage", SEED)
        path = written(tmp_path / name, experiment.name, plan.schedule, plan.configuration)

        again = Replayed.of(path)

        assert again.plan is not None
        assert again.plan.setups == plan.setups


def test_a_folder_may_be_moved(earlier: Path, tmp_path: Path) -> None:
    moved = earlier.rename(tmp_path / "elsewhere")

    assert Replayed.of(moved).seed == SEED


def test_a_sweep_is_its_profile_and_its_seed(swept: Path) -> None:
    again = Replayed.of(swept)

    assert (again.experiment, again.profile, again.seed, again.plan) == (NAME, "quick", SEED, None)


def test_a_cell_names_its_sweep(swept: Path) -> None:
    cell = next(path for path in swept.iterdir() if path.is_dir())

    with pytest.raises(Refused, match=f"one cell of a sweep: replay {swept}"):
        Replayed.of(cell)


def test_a_sweep_of_other_arrivals_is_not_walked_as_the_same(swept: Path) -> None:
    cell = next(path for path in swept.iterdir() if path.is_dir())
    folder = RunFolder(cell)
    PLAN.schedule.write(folder.schedule)
    changed(cell, lambda manifest: manifest.update(schedule_sha256=PLAN.schedule.sha256))

    with pytest.raises(Refused, match="would be walked with other arrivals now"):
        Replayed.of(swept)


def changed(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    file = RunFolder(path).manifest
    data = json.loads(file.read_text())
    change(data)
    file.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        (lambda m: m.update(version=0), ManifestUnreadable, "no manifest of version"),
        (lambda m: m.pop("seed"), ManifestUnreadable, "damaged"),
        (lambda m: m.update(experiment="older"), Refused, "an experiment that is no more: older"),
        (lambda m: m["configuration"].pop("stacks"), Refused, "left by another version"),
        (lambda m: m["configuration"]["stacks"].update(spare={}), Refused, "another version"),
        (
            lambda m: m["configuration"]["stacks"]["main"].update(topology="none"),
            Refused,
            "another version",
        ),
        (lambda m: m.update(schedule_sha256="0"), Refused, "was changed since its run"),
    ],
)
def test_a_manifest_of_another_version(
    earlier: Path,
    change: Callable[[dict[str, Any]], object],
    error: type[Exception],
    reason: str,
) -> None:
    changed(earlier, change)

    with pytest.raises(error, match=reason) as raised:
        Replayed.of(earlier)

    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", [None, "", "{", "[]\n", '{"block": 1}\n'])
def test_a_schedule_that_cannot_be_read(earlier: Path, text: str | None) -> None:
    file = RunFolder(earlier).schedule
    file.unlink()
    if text is not None:
        file.write_text(text)

    with pytest.raises(Refused, match=r"cannot be read|was changed") as raised:
        Replayed.of(earlier)

    assert "\n" not in str(raised.value)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FolderUnusable, match="is not a folder"):
        Replayed.of(tmp_path / "none")
