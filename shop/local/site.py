"""What one local stack has for itself: a data folder, a lock on it, and ports."""

import errno
import fcntl
import os
import secrets
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CONNECT_TIMEOUT_S = 0.5


class CannotStart(Exception):
    """Nothing has been started, and each problem says in one line what to change."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Port:
    """A port that one service will listen on."""

    service: str
    host: str
    number: int
    #: The command-line option that changes it.
    option: str


@dataclass(frozen=True, slots=True)
class DataDir:
    """Where a local stack keeps what outlives it."""

    path: Path

    @property
    def valkey(self) -> Path:
        return self.path / "valkey"

    @property
    def run(self) -> Path:
        """What services touch to show that they live; emptied at each start."""
        return self.path / "run"

    @property
    def beat_schedule(self) -> Path:
        return self.path / "celerybeat-schedule"

    @contextmanager
    def claimed(self) -> Iterator[int]:
        """Create it, keep it for this process, empty `run`; yields the lock's file descriptor.

        Raises `CannotStart` when another stack has it. The lock goes with the last process that
        holds the descriptor, so that a crash leaves no lock behind.
        """
        try:
            for folder in (self.path, self.valkey, self.run):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CannotStart(
                f"cannot use {self.path}: {error.strerror}; choose another with --data-dir"
            ) from None
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CannotStart(
                    f"{self.path} is in use by another `shop up` (process"
                    f" {os.pread(fd, 20, 0).decode() or 'unknown'}), or its services are still"
                    " ending; choose another with --data-dir"
                ) from None
            os.ftruncate(fd, 0)
            os.pwrite(fd, str(os.getpid()).encode(), 0)
            for leftover in self.run.iterdir():
                leftover.unlink()
            yield fd
        finally:
            os.close(fd)

    def flower_password(self) -> str:
        """A password made up for this folder: the same one at each start."""
        path = self.path / "flower-password"
        try:
            password = path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            password = ""
        if not password:
            password = secrets.token_urlsafe(12)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(f"{password}\n")
        return password


def require_free(ports: Sequence[Port]) -> None:
    """Raises `CannotStart` with a line for each port that cannot be listened on."""
    problems = []
    seen: dict[int, Port] = {}
    for port in ports:
        twin = seen.setdefault(port.number, port)
        if twin is not port:
            problem: str | None = f"is {twin.service}'s already"
        else:
            problem = _problem(port.host, port.number)
        if problem:
            problems.append(
                f"port {port.number} ({port.service}) {problem}; choose another with {port.option}"
            )
    if problems:
        raise CannotStart(*problems)


def _problem(host: str, port: int) -> str | None:
    try:
        ((family, _, _, _, address), *_) = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror as error:
        return f"cannot be used: {host}: {error.strerror}"
    with socket.socket(family, socket.SOCK_STREAM) as server:
        # As servers do, so that connections that linger from an earlier run do not matter.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(address)
            server.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return "is taken"
            return f"cannot be used: {error.strerror}"
    # macOS lets one bind an address beside a server that listens on all of them.
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(CONNECT_TIMEOUT_S)
        # A port of the range for clients may be connected to itself.
        if client.connect_ex(address) == 0 and client.getsockname() != client.getpeername():
            return "is taken"
    return None
