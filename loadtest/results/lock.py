"""One run at a time for one stack, on this machine."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

_LOOPBACK = {"localhost", "127.0.0.1", "::1", "0.0.0.0"}  # noqa: S104  (compared, never bound)
_PORTS = {"http": 80, "https": 443}


class StackHeld(Exception):
    """Another run holds the stack; the message is one line and names its process."""


@contextmanager
def held(stack: str, *, folder: Path | None = None) -> Iterator[None]:
    """Hold the stack that a base URL or a kind (`local`, `containers`) names.

    The kernel lets go of it when this process ends, however it ends. Raises `StackHeld`.
    """
    file = lock_file(stack, folder=folder)
    try:
        fd = _open(file)
    except OSError as error:
        raise StackHeld(f"cannot hold {stack}: {file}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 200, 0).decode(errors="replace").strip() or "unknown"
            raise StackHeld(
                f"{stack} is held by another run (process {holder}): wait for it, or end it"
            ) from None
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}, since {since}\n".encode(), 0)
        try:
            yield
        finally:
            # Not removed: who opened it a moment ago would hold a file that nobody else sees.
            os.ftruncate(fd, 0)
    finally:
        os.close(fd)


@contextmanager
def all_held(stacks: Iterable[str], *, folder: Path | None = None) -> Iterator[None]:
    """Hold several at once, or none. Raises `StackHeld`."""
    with ExitStack() as holding:
        for stack in stacks:
            holding.enter_context(held(stack, folder=folder))
        yield


def lock_file(stack: str, *, folder: Path | None = None) -> Path:
    """The same for all spellings of a URL."""
    digest = hashlib.sha256(_normal(stack).encode()).hexdigest()[:16]
    return (folder or Path(tempfile.gettempdir())) / f"shop-lab-{digest}.lock"


def _normal(stack: str) -> str:
    if "://" not in stack:
        return stack
    url = urlsplit(stack)
    host = url.hostname or ""
    host = "localhost" if host in _LOOPBACK else host
    return f"{host}:{url.port or _PORTS.get(url.scheme, 0)}{url.path.rstrip('/')}"


def _open(file: Path) -> int:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        # With O_CREAT the kernel refuses a file of another user's in a sticky folder.
        return os.open(file, flags)
    except FileNotFoundError:
        return os.open(file, flags | os.O_CREAT, 0o666)
