"""A run's folder: its name, its mark, and what a disk's refusal becomes."""

import errno
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loadtest.results.folder import FolderUnusable, RunFolder

NOON = datetime(2026, 5, 4, 12, 0, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "results", experiment="soak", commit="abc", now=NOON)


def test_is_named_by_time_experiment_and_commit(folder: RunFolder) -> None:
    assert folder.path.name == "20260504T120001Z-soak-abc"


def test_a_second_run_in_the_same_second_has_a_folder_of_its_own(folder: RunFolder) -> None:
    results = folder.path.parent
    names = [
        RunFolder.create(results, experiment="soak", commit="abc", now=NOON).path.name
        for _ in range(2)
    ]
    assert names == ["20260504T120001Z-soak-abc-2", "20260504T120001Z-soak-abc-3"]


def test_is_incomplete_until_its_run_has_ended_well(folder: RunFolder) -> None:
    with folder.completed():
        assert "under way" in (folder.why_incomplete or "")
    assert folder.why_incomplete is None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyboardInterrupt(), "interrupted"),
        (ValueError("two\nlines"), "ValueError: two lines"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "ConnectionRefusedError"),
    ],
)
def test_keeps_the_mark_and_the_reason_when_the_run_fails(
    folder: RunFolder, error: BaseException, reason: str
) -> None:
    with pytest.raises(type(error)), folder.completed():
        raise error
    why = folder.why_incomplete
    assert why is not None
    assert why.startswith(reason)
    assert "\n" not in why


def test_a_full_disk_is_one_line(folder: RunFolder) -> None:
    with pytest.raises(FolderUnusable) as caught, folder.completed():
        raise OSError(errno.ENOSPC, "No space left on device")
    assert str(caught.value).endswith(": No space left on device")
    assert "\n" not in str(caught.value)
    assert folder.why_incomplete == str(caught.value)


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    with pytest.raises(FolderUnusable, match="cannot write the results to"):
        RunFolder.create(tmp_path / "results", experiment="soak", commit="abc")


def test_a_file_elsewhere_is_none_of_the_folders_business(folder: RunFolder) -> None:
    with pytest.raises(FileNotFoundError), folder.completed():
        Path("/nowhere/at/all").read_text()


def test_loads_what_a_run_left_only(folder: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(FolderUnusable, match="not a folder"):
        RunFolder.load(tmp_path / "missing")
    with pytest.raises(FolderUnusable, match=r"no manifest\.json"):
        RunFolder.load(folder.path)
    folder.manifest.write_text("{}")
    assert RunFolder.load(folder.path).path == folder.path
