"""A service's process: in a session of its own, watched by a thread."""

import contextlib
import os
import signal
import subprocess
from queue import SimpleQueue
from threading import Thread

from honcho.printer import Message
from honcho.process import Popen, Process

#: How long the last lines of an ended process may take to arrive.
DRAIN_WITHIN_S = 1.0


class ServiceProcess(Process):  # type: ignore[misc]
    """Honcho's process, with three differences.

    A thread watches it, where honcho starts a process more for each. Its end is noticed when it
    ends, not when the last process that it started lets go of its output. And what it leaves
    behind ends with it.
    """

    def start(self, events: "SimpleQueue[Message]") -> int:
        """Start it without a shell between; returns its pid, which is its group's id too."""
        self._events = events
        self._child = Popen(self.cmd, shell=False, stdin=subprocess.DEVNULL, env=self.env)
        Thread(target=self._watch, name=f"watch-{self.name}", daemon=True).start()
        return int(self._child.pid)

    def terminate(self) -> None:
        """Ask it to end: the process itself, not what it started.

        A signal to the group would end the processes of a Celery pool in the middle of a task.
        """
        self._child.terminate()

    def kill(self) -> None:
        """End it and all that it started, at once."""
        # Nothing may be left of the group; of one that has ended macOS says the latter.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)

    def _watch(self) -> None:
        relay = Thread(target=self._relay, name=f"relay-{self.name}", daemon=True)
        relay.start()
        returncode = self._child.wait()
        self.kill()
        relay.join(DRAIN_WITHIN_S)
        self._send_message({"group": self._child.pid, "returncode": returncode}, type="stop")

    def _relay(self) -> None:
        with self._child.stdout as lines:
            for line in lines:
                if line.strip():
                    self._send_message(line)


def how_it_ended(returncode: int) -> str:
    """In words: a negative `returncode` is a signal's number."""
    if returncode < 0:
        names = {signum.value: signum.name for signum in signal.Signals}
        name = names.get(-returncode, f"signal {-returncode}")
        return f"by {name} (exit code {128 - returncode})"
    return f"with exit code {returncode}"
