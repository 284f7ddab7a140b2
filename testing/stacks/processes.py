"""A service as a process of this machine, with a log file, and ended with whoever started it."""

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

from shop.local.guard_process import Guard as Guard  # noqa: PLC0414  (handed on)
from shop.local.service import Service
from testing.stack import ProcessInfo, StackFailed
from testing.waiting import wait_for

#: How long what was killed may take to be gone.
KILLED_WITHIN_S = 5.0


class ProcessHandle:
    """A `ServiceHandle` over a process in a session, and so a process group, of its own."""

    def __init__(
        self,
        service: Service,
        *,
        folder: Path,
        environment: Mapping[str, str],
        guard: Guard,
        alive_file: Path | None = None,
    ) -> None:
        """`alive_file` is what the service touches, removed before it starts."""
        self.name = service.name
        self._service = service
        self._folder = folder
        self._environment = {**environment, **service.env}
        self._guard = guard
        self._alive_file = alive_file
        self._log = folder / f"{service.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Of its main process, until it is started again; a signal's number is negative."""
        return None if self._process is None else self._process.poll()

    @property
    def is_ready(self) -> bool:
        return self.is_running and self._service.is_ready()

    def start(self) -> None:
        if self.is_running:
            raise StackFailed(f"{self.name} runs already")
        self._forget()
        if self._alive_file is not None:
            self._alive_file.unlink(missing_ok=True)
        with self._open_log() as log:
            self._process = subprocess.Popen(
                self._service.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._folder,
                start_new_session=True,
            )
        self._guard.add(self._process.pid)

    def stop(self) -> None:
        if self._process is None:
            return
        if self.is_running:
            self.resume()
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(self._service.stop_within_s)
        self._forget()

    def restart(self) -> None:
        self.stop()
        self.start()

    def set_variable(self, name: str, value: str) -> None:
        """Of its environment, from its next start on."""
        self._environment[name] = value

    def kill(self, signum: signal.Signals = signal.SIGKILL) -> None:
        if signum == signal.SIGKILL:
            self._forget()
        else:
            self._running().send_signal(signum)

    def pause(self) -> None:
        os.killpg(self._running().pid, signal.SIGSTOP)

    def resume(self) -> None:
        self.signal_all(signal.SIGCONT)

    @property
    def is_frozen(self) -> bool:
        try:
            states = [psutil.Process(pid).status() for pid in self.pids()]
        except psutil.NoSuchProcess:
            return False
        return bool(states) and set(states) == {psutil.STATUS_STOPPED}

    def processes(self) -> list[ProcessInfo]:
        if not self.is_running:
            return []
        found = []
        with suppress(psutil.NoSuchProcess):
            main = psutil.Process(self._running().pid)
            for process in (main, *main.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    found.append(
                        ProcessInfo(process.pid, process.ppid(), " ".join(process.cmdline()))
                    )
        return found

    def pids(self) -> list[int]:
        return [process.pid for process in self.processes()]

    def send_signal(self, pid: int, signum: signal.Signals) -> None:
        if pid not in self.pids():
            raise StackFailed(f"{pid} is no process of {self.name}")
        os.kill(pid, signum)

    def signal_all(self, signum: signal.Signals) -> None:
        if self.is_running:
            os.killpg(self._running().pid, signum)

    def logs(self, last_lines: int | None = None) -> str:
        if not self._log.exists():
            return ""
        lines = self._log.read_text(errors="replace").splitlines(keepends=True)
        return "".join(lines if last_lines is None else lines[-last_lines:])

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            raise StackFailed(f"{self.name} does not run")
        return self._process

    def _forget(self) -> None:
        """Kill all that is left of it."""
        process, self._process = self._process, None
        if process is None:
            return
        group = process.pid
        # macOS says the latter of a group that has ended.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        process.wait()
        wait_for(
            f"all processes of {self.name} are gone",
            lambda: not _members(group),
            within_s=KILLED_WITHIN_S,
        )
        self._guard.discard(group)

    def _open_log(self) -> IO[bytes]:
        return self._log.open("ab")


def _members(group: int) -> list[int]:
    """Processes of a group that are more than a name which waits for its parent."""
    members = []
    for process in psutil.process_iter(["status"]):
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(process.pid) == group and process.info["status"] != psutil.STATUS_ZOMBIE:
                members.append(process.pid)
    return members
