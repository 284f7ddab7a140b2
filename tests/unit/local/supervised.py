"""A supervisor in a process of its own, over small services; also the program that runs there."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from honcho.printer import Printer

from shop.local import ready, supervisor
from shop.local.service import Service, always
from testing.waiting import wait_for

ROOT = Path(__file__).parents[3]
WITHIN_S = 20.0


@dataclass(frozen=True)
class Small:
    """A service that is a few lines of Python; it is ready when the file `ready` exists."""

    name: str
    program: str
    ready: str | None = None
    after: Sequence[str] = ()
    stop_stage: int = 0
    stop_within_s: float = WITHIN_S
    restart_on: int | None = None
    retries_start: bool = True


#: Lines that most of the programs start with. `note` appends to the common log and is unbuffered.
PRELUDE = """
import os, signal, subprocess, sys, time
def note(text):
    with open("notes", "a") as file:
        file.write(text + "\\n")
def on_term(action):
    signal.signal(signal.SIGTERM, lambda *_: (action(), os._exit(0)))
def child(program):
    return subprocess.Popen([sys.executable, "-I", "-S", "-c", program])
def sleep():
    while True:
        time.sleep(60)
NAME = sys.argv[1]
note("pid " + str(os.getpid()))
"""


class Supervised:
    """The running supervisor, as its user sees it."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self.process = process
        self._folder = folder
        self._output = folder / "output"

    @property
    def output(self) -> str:
        return self._output.read_text()

    @property
    def notes(self) -> list[str]:
        path = self._folder / "notes"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def pids(self) -> list[int]:
        """Every process that has noted itself."""
        return [int(note.removeprefix("pid ")) for note in self.notes if note.startswith("pid ")]

    def wait_for_note(self, text: str, times: int = 1) -> None:
        wait_for(
            f"{times} notes of {text!r}",
            lambda: sum(text in note for note in self.notes) >= times,
            within_s=WITHIN_S,
            explain=lambda: f"{self.notes}\n{self.output}",
        )

    def wait_for_output(self, text: str) -> None:
        wait_for(
            f"{text!r} in the output",
            lambda: text in self.output,
            within_s=WITHIN_S,
            explain=lambda: self.output,
        )

    def send(self, signum: signal.Signals) -> None:
        self.process.send_signal(signum)

    def end(self) -> int:
        """Its exit code, once it has ended by itself."""
        return self.process.wait(WITHIN_S)

    def wait_until_gone(self, within_s: float = WITHIN_S) -> None:
        """Returns when none of `pids` runs any more."""
        wait_for(
            "all processes are gone",
            lambda: not any(map(is_running, self.pids)),
            within_s=within_s,
            explain=lambda: f"{[pid for pid in self.pids if is_running(pid)]} of {self.notes}",
        )


@contextmanager
def supervised(
    folder: Path,
    *services: Small,
    ready_within_s: float = WITHIN_S,
    echo_s: float | None = None,
    speed: float = 1.0,
    stdout: Any = None,
    ignore_hangup: bool = False,
) -> Iterator[Supervised]:
    """Starts it in `folder`; whatever it leaves behind is killed at the end.

    The clock of the restarts goes `speed` times as fast as others.
    """
    plan = {
        "services": [asdict(service) for service in services],
        "ready_within_s": ready_within_s,
        "echo_s": echo_s,
        "speed": speed,
        "ignore_hangup": ignore_hangup,
    }
    prefix = ["nohup"] if ignore_hangup else []
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "tests.unit.local.supervised", json.dumps(plan)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), *sys.path[1:]))},
            stdin=subprocess.DEVNULL,
            stdout=output if stdout is None else stdout,
            stderr=output,
            text=True,
            # A terminal's Ctrl-C reaches the supervisor's group: here that is not the test's.
            start_new_session=True,
        )
    running = Supervised(process, folder)
    try:
        yield running
    finally:
        process.kill()
        process.wait()
        for pid in running.pids:
            if is_running(pid):
                os.kill(pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    """False also for one that has ended and that its parent has not asked about."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def lock_is_free(folder: Path) -> bool:
    """Whether what the supervisor held is let go of."""
    with (folder / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _main(plan: Mapping[str, Any]) -> int:
    if plan["echo_s"] is not None:
        supervisor.ECHO_S = plan["echo_s"]
    if not plan["ignore_hangup"]:
        # Whoever runs the tests may ignore it, under nohup for one.
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    services = [
        Service(
            name=small["name"],
            argv=(sys.executable, "-I", "-S", "-c", PRELUDE + small["program"], small["name"])
            if small["program"]
            else (str(Path("no-such-program").resolve()),),
            env={"SERVICE": small["name"]},
            is_ready=ready.exists(Path(small["ready"])) if small["ready"] else always,
            after=tuple(small["after"]),
            stop_stage=small["stop_stage"],
            stop_within_s=small["stop_within_s"],
            restart_on=small["restart_on"],
            retries_start=small["retries_start"],
        )
        for small in plan["services"]
    ]
    lock = os.open("lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    running = supervisor.Supervisor(
        services,
        Printer(sys.stdout, time_format=""),
        ready_within_s=plan["ready_within_s"],
        on_ready=lambda: _say("ALL READY"),
        held_fd=lock,
        now_s=lambda: time.monotonic() * plan["speed"],
    )
    running.loop()
    _say(f"failure: {running.failure}")
    return int(running.returncode)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(_main(json.loads(sys.argv[1])))
