"""The time from `shop up` to ready."""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import psutil

from loadtest.bench.bench import BenchBroke, Figure, Reach, Result, Show
from loadtest.bench.contenders import answers
from loadtest.bench.processes import Process
from testing.stacks.ports import stable_port
from testing.waiting import wait_for

STARTS = 5
AT_MOST_S = 6.0
STOPS_WITHIN_S = 15.0


class Start:
    """The installed command, with data of its own and no orders in it, from exec to ready.

    Ready is what `/health/ready` says: Redis answers, and both queues have a live worker.
    """

    name = "start"
    question = "how long does `shop up` take until orders are worked on?"

    def __init__(self, command: Path | None = None) -> None:
        """`command` is by default the one beside this Python."""
        self._command = command or Path(sys.executable).with_name("shop")

    def run(self, rounds: int | None, show: Show) -> Result:
        if not self._command.exists():
            raise BenchBroke(f"{self._command} is not there: the shop is not installed")
        starts = rounds or STARTS
        values = []
        for number in range(starts):
            show(f"start {number + 1} of {starts}")
            values.append(self._start())
        return Result(figures=[Figure("shop up to ready", "s", values, Reach(at_most=AT_MOST_S))])

    def _start(self) -> float:
        """Seconds; all of it is gone afterwards."""
        port = stable_port()
        with tempfile.TemporaryDirectory(prefix="bench-start-") as folder:
            process = Process(
                [
                    *(str(self._command), "up", "--api-port", str(port)),
                    *("--redis-port", str(stable_port()), "--flower-port", str(stable_port())),
                    *("--data-dir", folder),
                ],
                is_ready=lambda: answers(port, "/health/ready"),
            )
            started_s = time.perf_counter()
            with process:
                took_s = time.perf_counter() - started_s
                _stop(process.pid)
        return took_s


def _stop(pid: int) -> None:
    """As Ctrl-C does: what is killed instead leaves its services to be ended by others."""
    main = psutil.Process(pid)
    every = [main, *main.children(recursive=True)]
    os.killpg(pid, signal.SIGINT)
    wait_for(
        "all of `shop up` has ended",
        lambda: not any(map(_lives, every)),
        within_s=STOPS_WITHIN_S,
    )


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
