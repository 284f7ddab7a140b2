"""Programs that a bench starts: answers bounded in time, ended by their ids on any way out."""

import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from loadtest.bench.bench import BenchBroke
from testing.environment import without_foreign
from testing.stacks.processes import Guard
from testing.waiting import wait_for

READY_WITHIN_S = 60.0
ANSWERS_WITHIN_S = 120.0
ENDS_WITHIN_S = 5.0
#: Of a program that ended, in the one line that says so.
LOG_CHARS = 300


class Process:
    """A program in a process group of its own; its log is kept for when it fails."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        is_ready: Callable[[], bool] = lambda: True,
        talks: bool = False,
        ready_within_s: float = READY_WITHIN_S,
    ) -> None:
        """`env` is added to this process's. `talks` gives it a pipe to be written to and read."""
        self._argv = argv
        self._env = {**without_foreign(os.environ), **(env or {})}
        self._is_ready = is_ready
        self._talks = talks
        self._ready_within_s = ready_within_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """The module or the file that it runs."""
        words = list(self._argv)
        return words[words.index("-m") + 1] if "-m" in words else Path(words[0]).name

    @property
    def pid(self) -> int:
        """Of the main process, and of its group."""
        return self._running().pid

    def pause(self) -> None:
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def log_end(self) -> str:
        return " ".join(Path(self._log.name).read_text(errors="replace")[-LOG_CHARS:].split())

    def require_running(self) -> None:
        """Raises `BenchBroke` with the end of its log when it has ended."""
        if (code := self._running().poll()) is not None:
            raise BenchBroke(f"{self.name} ended with exit code {code}: {self.log_end()}")

    def __enter__(self) -> Self:
        """Raises `BenchBroke`, `TimedOut` when it does not get ready."""
        self._log: IO[bytes] = tempfile.NamedTemporaryFile(prefix="bench-", suffix=".log")
        self._guard = Guard().__enter__()
        try:
            pipe = subprocess.PIPE if self._talks else None
            self._process = subprocess.Popen(
                self._argv,
                stdin=pipe or subprocess.DEVNULL,
                stdout=pipe or self._log,
                stderr=self._log,
                env=self._env,
                start_new_session=True,
            )
            self._guard.add(self._process.pid)
            wait_for(
                f"{self.name} is ready",
                self._ready_or_ended,
                within_s=self._ready_within_s,
                explain=self.log_end,
            )
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        process, self._process = self._process, None
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    # What it was sent last may not have gone out.
                    with suppress(BrokenPipeError):
                        pipe.close()
            # Killed, for nothing that it holds is wanted; macOS says the latter of a group gone.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(ENDS_WITHIN_S)
            self._guard.discard(process.pid)
        self._guard.__exit__(None, None, None)
        self._log.close()

    def _ready_or_ended(self) -> bool:
        self.require_running()
        return self._is_ready()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise BenchBroke(f"{self.name} does not run")
        return self._process


class Program(Process):
    """A program that says `ready`, and then answers each line by a line."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        ready: str = "ready",
        ready_within_s: float = READY_WITHIN_S,
    ) -> None:
        super().__init__(argv, env=env, talks=True, ready_within_s=ready_within_s)
        self._ready = ready
        self._unread = b""

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            if (said := self._read_line(self._ready_within_s)) != self._ready:
                raise BenchBroke(f"{self.name} said {said!r} instead of {self._ready!r}")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def ask(self, line: str, within_s: float = ANSWERS_WITHIN_S) -> str:
        """Its answer to `line`. Raises `BenchBroke` when it ends or says nothing in time."""
        self.tell(line)
        return self.answer(within_s)

    def tell(self, line: str) -> None:
        """The first half of `ask`, for several that are to work at the same time."""
        pipe = self._running().stdin
        assert pipe is not None
        try:
            pipe.write(f"{line}\n".encode())
            pipe.flush()
        except BrokenPipeError:
            self.require_running()
            raise BenchBroke(f"{self.name} does not listen any more") from None

    def answer(self, within_s: float = ANSWERS_WITHIN_S) -> str:
        """The second half of `ask`."""
        return self._read_line(within_s)

    def _read_line(self, within_s: float) -> str:
        pipe = self._running().stdout
        assert pipe is not None
        deadline_s = time.monotonic() + within_s
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(max(0.0, deadline_s - time.monotonic())):
                    raise BenchBroke(f"{self.name} did not answer within {within_s:g} s")
                if not (piece := os.read(pipe.fileno(), 65_536)):
                    self._running().wait(ENDS_WITHIN_S)
                    self.require_running()
                self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()
