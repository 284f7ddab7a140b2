"""Which source a run was made from."""

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

NO_GIT = "nogit"
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Source:
    """A commit; both are unknown outside git."""

    commit: str
    #: Whether files differed from the commit's, or were no part of it.
    dirty: bool | None
    constraints_sha256: str | None


def describe(repository: Path) -> Source:
    """Of the repository whose root this folder is."""
    commit, dirty = NO_GIT, None
    # An unpacked archive inside somebody else's repository is none of its commits.
    root = _git(repository, "rev-parse", "--show-toplevel")
    if root and Path(root).resolve() == repository.resolve():
        commit = _git(repository, "rev-parse", "--short=10", "HEAD") or NO_GIT
        status = _git(repository, "status", "--porcelain")
        dirty = None if status is None else bool(status)
    constraints = repository / "constraints.txt"
    if not constraints.is_file():
        return Source(commit, dirty, None)
    return Source(commit, dirty, hashlib.sha256(constraints.read_bytes()).hexdigest())


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None where it is not installed, or refuses."""
    try:
        done = subprocess.run(  # noqa: S603  (no shell reads it)
            ["git", "-C", str(folder), *arguments],  # noqa: S607  (the git of whoever runs it)
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
