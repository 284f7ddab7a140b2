"""Two runs' folders side by side, or a line that says why not."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from rich.console import Console

from loadtest.comparing import NotComparable, compare, table
from loadtest.history import HistoryWriter
from loadtest.results.folder import FolderUnusable, RunFolder
from loadtest.results.manifest import Manifest, ManifestUnreadable
from loadtest.schedule import Arm
from loadtest.verdict.priority import MAIN_RATIO, judge_priority
from tests.unit.loadtest.verdict.made_up import MadeUpRun, made_schedule

CONFIGURATION = {"orders_per_s": 40, "stacks": {"main": {"environment": {}}}}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read only."""
    return written(tmp_path_factory.mktemp("runs") / "before", small_run())


@pytest.fixture
def after(before: Path, tmp_path: Path) -> Path:
    """The same again, for a test to spoil."""
    return copytree(before, tmp_path / "after")


def small_run(sets: int = 2) -> MadeUpRun:
    return MadeUpRun(made_schedule(sets=sets, block_s=4))


def written(path: Path, run: MadeUpRun) -> Path:
    """As a run leaves it, but for what a comparison does not read."""
    path.mkdir()
    folder = RunFolder(path)
    run.schedule.write(folder.schedule)
    history = HistoryWriter(folder.history)
    history.write(*run.events)
    history.close()
    verdict = judge_priority(run.schedule, run.events, resamples=50)
    folder.verdict.write_text(json.dumps(verdict.as_json()))
    Manifest(
        experiment="priority-under-flood",
        seed=run.schedule.seed,
        command=["python", "-m", "loadtest"],
        configuration=dict(CONFIGURATION),
        schedule_sha256=run.schedule.sha256,
        source={},
        software={},
        machine={},
    ).write(folder.manifest)
    return path


def slowed(factor: float) -> MadeUpRun:
    """Every wait takes so many times as long."""
    run = small_run()
    for place, one in enumerate(run.samples):
        if one.first_enqueued_ms is not None and one.wait_ms is not None:
            started_ms = one.first_enqueued_ms + factor * one.wait_ms
            run.samples[place] = replace(one, started_ms=started_ms)
    return run


def shown(before: Path, after: Path, *, force: bool = False) -> str:
    console = Console(width=160, color_system=None)
    console.begin_capture()
    console.print(table(compare(before, after, force)))
    return console.end_capture()


def test_a_run_is_like_itself(before: Path) -> None:
    found = compare(before, before)

    assert [row.name for row in found.rows] == [
        f"{series} {statistic}, {kind}"
        for series in ("wait", "accept")
        for kind in ("idle", "flood")
        for statistic in ("p50", "p95")
    ]
    for row in found.rows:
        assert row.ratio.point == 1
        assert row.ratio.low <= 1 <= row.ratio.high
    assert found.differences == []
    assert found.before.conclusion == "INCONCLUSIVE"


def test_what_became_slower_shows_in_its_rows_only(before: Path, tmp_path: Path) -> None:
    found = compare(before, written(tmp_path / "after", slowed(3)))

    for row in found.rows:
        if row.name.startswith("wait"):
            assert row.ratio.point == pytest.approx(3, rel=0.01)
            assert row.ratio.low > 2
            assert row.after == pytest.approx(3 * row.before, rel=0.01)
        else:
            assert row.ratio.point == 1


def test_the_table_shows_both_conclusions_and_marks_what_changed(
    before: Path, tmp_path: Path
) -> None:
    text = shown(before, written(tmp_path / "after", slowed(3)))

    assert "A  before: INCONCLUSIVE" in text
    assert "B  after: INCONCLUSIVE" in text
    assert text.count("slower") == 4
    assert text.count("faster") == 0
    assert MAIN_RATIO in text
    assert shown(tmp_path / "after", before).count("faster") == 4


def test_other_schedules_are_refused_unless_forced(before: Path, tmp_path: Path) -> None:
    after = written(tmp_path / "after", small_run(sets=3))

    with pytest.raises(
        NotComparable, match="the schedules differ: other blocks or rates, of the same seed 7"
    ):
        compare(before, after)
    assert "Not the same: the schedules differ" in shown(before, after, force=True)


def test_another_seed_is_refused_and_named(before: Path, tmp_path: Path) -> None:
    schedule = made_schedule(sets=1, block_s=4, seed=8)

    with pytest.raises(NotComparable, match="the schedules differ: seeds 7 and 8"):
        compare(before, written(tmp_path / "after", MadeUpRun(schedule)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"orders_per_s": 41}, "orders_per_s differs: 40 and 41"),
        ({"profile": "full"}, 'profile differs: nothing and "full"'),
        ({"profile": None}, "profile differs: nothing and null"),
    ],
)
def test_another_configuration_is_refused_and_named(
    before: Path, after: Path, change: dict[str, object], reason: str
) -> None:
    _edit(after / "manifest.json", lambda data: data["configuration"].update(change))

    with pytest.raises(NotComparable) as refused:
        compare(before, after)

    assert str(refused.value).startswith(reason)
    assert "\n" not in str(refused.value)
    assert compare(before, after, force=True).differences == [reason]


def test_another_experiment_is_refused(before: Path, after: Path) -> None:
    _edit(after / "manifest.json", lambda data: data.update(experiment="overload"))

    with pytest.raises(NotComparable, match="priority-under-flood and overload"):
        compare(before, after)


def test_a_schedule_that_was_changed_since_is_refused(before: Path, after: Path) -> None:
    made_schedule(sets=3).write(after / "schedule.jsonl")

    with pytest.raises(NotComparable, match="after: its schedule was changed since its run"):
        compare(before, after)


def test_an_incomplete_run_is_refused_unless_forced(before: Path, after: Path) -> None:
    (after / "verdict.json").unlink()
    RunFolder(after).mark_incomplete("interrupted")

    with pytest.raises(NotComparable, match=r"after is incomplete \(interrupted\)"):
        compare(before, after)
    assert "B  after: no verdict" in shown(before, after, force=True)


def test_a_run_without_a_verdict_is_refused(before: Path, after: Path) -> None:
    (after / "verdict.json").unlink()

    with pytest.raises(NotComparable, match="after has no verdict"):
        compare(before, after)


@pytest.mark.parametrize("name", ["schedule.jsonl", "history.jsonl", "verdict.json"])
@pytest.mark.parametrize("content", ["no JSON\n", '{"other": 1}\n', "[]\n"])
@pytest.mark.parametrize("force", [False, True])
def test_a_damaged_file_is_refused_with_a_line(
    before: Path, after: Path, name: str, content: str, force: bool
) -> None:
    (after / name).write_text(content)

    with pytest.raises(NotComparable) as refused:
        compare(before, after, force)

    assert str(refused.value).startswith(f"{after} is damaged: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["schedule.jsonl", "history.jsonl"])
def test_a_missing_file_is_refused(before: Path, after: Path, name: str) -> None:
    (after / name).unlink()

    with pytest.raises(NotComparable, match="is damaged: FileNotFoundError"):
        compare(before, after, force=True)


def test_what_is_no_run_is_refused(before: Path, tmp_path: Path) -> None:
    with pytest.raises(FolderUnusable):
        compare(before, tmp_path / "nothing")
    with pytest.raises(FolderUnusable):
        compare(tmp_path, before)


def test_a_damaged_manifest_is_refused(before: Path, after: Path) -> None:
    (after / "manifest.json").write_text("{")

    with pytest.raises(ManifestUnreadable):
        compare(before, after, force=True)


def test_runs_without_common_probes_have_nothing_to_compare(before: Path, tmp_path: Path) -> None:
    run = small_run()
    run.samples = [one for one in run.samples if one.arm is Arm.CONTROL]
    after = written(tmp_path / "after", run)

    with pytest.raises(NotComparable, match="no probes in common"):
        compare(before, after, force=True)


def _edit(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    data = json.loads(file.read_text())
    change(data)
    file.write_text(json.dumps(data))


def test_a_sweep_is_compared_by_its_cells(before: Path, after: Path) -> None:
    file = RunFolder(after).manifest
    data = json.loads(file.read_text())
    data["configuration"]["cells"] = ["one"]
    file.write_text(json.dumps(data))

    with pytest.raises(NotComparable, match="compare the folders of its cells"):
        compare(before, after, force=True)
