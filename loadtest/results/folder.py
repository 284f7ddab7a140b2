"""A run's folder, and what its files are called."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

#: Where runs' folders are made, unless told otherwise.
RESULTS = Path("results")

#: What a full disk, a full quota or a mount without writing says.
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}


class FolderUnusable(Exception):
    """A run's folder can't be made, read or written; the message is one line."""


class RunFolder:
    """`results/<UTC>-<experiment>-<commit>/`; marked as incomplete until its run has ended well."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = path / "manifest.json"
        self.schedule = path / "schedule.jsonl"
        self.schedule_sha256 = path / "schedule.sha256"
        self.history = path / "history.jsonl"
        self.verdict = path / "verdict.json"
        self.report = path / "report.html"
        self.plots = path / "plots"
        #: One line: why the run didn't end well.
        self.incomplete = path / "INCOMPLETE"

    @classmethod
    def create(
        cls, results: Path, *, experiment: str, commit: str, now: datetime | None = None
    ) -> Self:
        """Make a new folder in `results`, marked as incomplete.

        Raises `FolderUnusable`.
        """
        stamp = (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        name = f"{stamp}-{experiment}-{commit}"
        with _explained(results):
            results.mkdir(parents=True, exist_ok=True)
            path = _new_folder(results, name)
            folder = cls(path)
            folder.mark_incomplete(f"the run is under way, or was killed (process {os.getpid()})")
        return folder

    @classmethod
    def load(cls, path: Path) -> Self:
        """A folder that an earlier run left; raises `FolderUnusable` if it is none."""
        folder = cls(path)
        if not path.is_dir():
            raise FolderUnusable(f"{path} is not a folder")
        if not folder.manifest.is_file():
            raise FolderUnusable(f"{path} holds no {folder.manifest.name}: no run left it")
        return folder

    def histogram(self, name: str) -> Path:
        return self.path / f"{name}.hlog"

    @property
    def histograms(self) -> list[Path]:
        return sorted(self.path.glob("*.hlog"))

    @property
    def why_incomplete(self) -> str | None:
        """None for a run that ended well."""
        try:
            return self.incomplete.read_text().strip() or "the reason is unknown"
        except FileNotFoundError:
            return None

    def mark_incomplete(self, reason: str) -> None:
        self.incomplete.write_text(" ".join(reason.split()) + "\n")

    @contextmanager
    def completed(self) -> Iterator[Self]:
        """The run's frame: on success the mark goes, on any failure it stays, with the reason.

        Raises `FolderUnusable` in place of an `OSError` that came from the folder.
        """
        try:
            with self.explained():
                yield self
                self.incomplete.unlink(missing_ok=True)
        except BaseException as error:
            # The mark was written at the start: on a full disk that one stays.
            with suppress(OSError):
                self.mark_incomplete(_one_line(error))
            raise

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn an `OSError` that came from the folder into `FolderUnusable`."""
        with _explained(self.path):
            yield


def _new_folder(results: Path, name: str) -> Path:
    """The first of `name`, `name-2`, `name-3` ... that nobody else has made."""
    number = 1
    while True:
        path = results / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
        else:
            return path


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if not _concerns(error, path):
            raise  # a refused connection is an OSError too
        reason = error.strerror or type(error).__name__
        raise FolderUnusable(f"cannot write the results to {path}: {reason}") from error


def _concerns(error: OSError, path: Path) -> bool:
    if error.errno in _NO_ROOM:
        return True
    if not isinstance(error.filename, str | os.PathLike):
        return False
    concerned, folder = Path(error.filename).absolute(), path.absolute()
    # Above the folder too: it is its parent that is not writable, or that is a file.
    return concerned.is_relative_to(folder) or folder.is_relative_to(concerned)


def _one_line(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    text = " ".join(str(error).split())
    if isinstance(error, FolderUnusable):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
