"""Workers die or freeze while they have a task in hand."""

import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from celery import Celery

from testing.faults.fault import Fault, FaultDidNotTakeHold
from testing.faults.in_hand import in_hand, owed, questions, unfinished
from testing.history import Recorder, now_ms
from testing.stack import Stack, StackFailed
from testing.waiting import TimedOut, wait_for

#: A worker that was just restarted takes some seconds, and then needs something to do.
BUSY_WITHIN_S = 20.0
REPLACED_WITHIN_S = 10.0
#: What a stopped worker has sent is at Redis then, through whatever proxy: it sends no more.
ARRIVED_WITHIN_S = 0.1


class PoolProcessKilled(Fault):
    """SIGKILL of one process of a worker's pool, with a task in its hand; the pool replaces it."""

    name = "pool-process-killed"

    def __init__(
        self,
        stack: Stack,
        worker: str,
        history: Recorder | None = None,
        *,
        busy_within_s: float = BUSY_WITHIN_S,
    ) -> None:
        """`worker` is a name of `testing.stack`, of a worker with processes for its pool."""
        super().__init__(history)
        self._stack = stack
        self._worker = stack.service(worker)
        self._queue = worker.removeprefix("worker-")
        self._busy_within_s = busy_within_s
        self._pid: int | None = None
        self._task_id = ""
        self._parent_pid = 0
        self._before: set[int] = set()
        self._killed_at_ms = 0

    def inject(self) -> None:
        with questions(self._stack) as app:

            def caught() -> bool:
                for pid in set(in_hand(app, self._queue).values()):
                    if self._caught(app, pid):
                        return True
                return False

            _wait("a task in hand", caught, self._busy_within_s)

    def confirm(self) -> Mapping[str, Any]:
        def replaced() -> list[int] | None:
            now = self._pool()
            return (sorted(now - self._before) or None) if self._pid not in now else None

        new = _wait(f"process {self._pid} is replaced", replaced, REPLACED_WITHIN_S)
        return {
            "pid": self._pid,
            "task_id": self._task_id,
            "killed_at_ms": self._killed_at_ms,
            "replaced_by": new,
        }

    def heal(self) -> None:
        """The pool has replaced it by itself."""

    def _caught(self, app: Celery, pid: int) -> bool:
        """Kill it if it has an unfinished task now; it is frozen while it is looked at."""
        try:
            self._worker.send_signal(pid, signal.SIGSTOP)
        except (StackFailed, ProcessLookupError):
            return False
        killed = False
        try:
            held = [task for task, holder in in_hand(app, self._queue).items() if holder == pid]
            started = unfinished(self._stack, held)
            if started:
                self._parent_pid = self._parent_of(pid)
                self._before = self._pool()
                self._killed_at_ms = now_ms()
                self._worker.send_signal(pid, signal.SIGKILL)
                killed, self._pid, self._task_id = True, pid, started[0]
        finally:
            if not killed:
                with suppress(StackFailed, ProcessLookupError):
                    self._worker.send_signal(pid, signal.SIGCONT)
        return killed

    def _parent_of(self, pid: int) -> int:
        return next(
            process.parent_pid for process in self._worker.processes() if process.pid == pid
        )

    def _pool(self) -> set[int]:
        """A container's other processes, such as health checks, come and go."""
        processes = self._worker.processes()
        return {process.pid for process in processes if process.parent_pid == self._parent_pid}


class WorkerKilled(Fault):
    """SIGKILL of a whole worker with a task in its hand; started again."""

    name = "worker-killed"

    def __init__(
        self,
        stack: Stack,
        worker: str,
        history: Recorder | None = None,
        *,
        busy_within_s: float = BUSY_WITHIN_S,
    ) -> None:
        super().__init__(history)
        self._stack = stack
        self._worker = stack.service(worker)
        self._queue = worker.removeprefix("worker-")
        self._busy_within_s = busy_within_s
        self._pids: list[int] = []
        self._task_ids: list[str] = []
        self._killed_at_ms = 0

    def inject(self) -> None:
        with questions(self._stack) as app:
            _wait("a task in hand", lambda: self._caught(app), self._busy_within_s)

    def confirm(self) -> Mapping[str, Any]:
        if self._worker.is_running or self._worker.processes():
            raise FaultDidNotTakeHold(f"{self._worker.name} was killed, and runs")
        if not unfinished(self._stack, self._task_ids):
            raise FaultDidNotTakeHold(f"{self._worker.name} had finished what it had in hand")
        return {
            "worker": self._worker.name,
            "pids": self._pids,
            "task_ids": self._task_ids,
            "killed_at_ms": self._killed_at_ms,
        }

    def heal(self) -> None:
        if not self._worker.is_running:
            self._worker.start()
        else:
            # Ctrl-C may have come when it was stopped to be looked at.
            self._worker.signal_all(signal.SIGCONT)

    def _caught(self, app: Celery) -> bool:
        """Kill it if it has an unfinished task now; it is stopped while it is looked at."""
        asked_at_ms = now_ms()
        held = set(in_hand(app, self._queue))
        if not held:
            return False
        self._pids = self._worker.pids()
        self._worker.signal_all(signal.SIGSTOP)
        try:
            # Stopping a container takes longer than most tasks do. What this worker has started
            # since it answered, and not finished, is in its hand too.
            taken = self._stack.broker.taken_ids(self._queue)
            others = (taken | owed(self._stack, self._queue)) - held
            started = [
                *unfinished(self._stack, sorted(held)),
                *unfinished(self._stack, sorted(others), since_ms=asked_at_ms),
            ]
            if started:
                # That one of them is finished may have been on its way.
                time.sleep(ARRIVED_WITHIN_S)
                self._task_ids = unfinished(self._stack, started)
            if self._task_ids:
                self._killed_at_ms = now_ms()
                self._worker.kill()
        finally:
            self._worker.signal_all(signal.SIGCONT)
        return bool(self._task_ids)


class WorkerFrozen(Fault):
    """All of a worker stands still, then goes on as if no time had passed."""

    name = "worker-frozen"

    def __init__(
        self,
        stack: Stack,
        worker: str,
        history: Recorder | None = None,
        *,
        mid_task: bool = False,
        busy_within_s: float = BUSY_WITHIN_S,
    ) -> None:
        """`mid_task` waits until it has an unfinished task in its hand, and keeps it there.

        Left frozen until somebody else has done that task, it wakes up as a duplicate.
        """
        super().__init__(history)
        self._stack = stack
        self._worker = stack.service(worker)
        self._queue = worker.removeprefix("worker-")
        self._mid_task = mid_task
        self._busy_within_s = busy_within_s
        self._pids: list[int] = []
        self._task_ids: list[str] = []

    def inject(self) -> None:
        if self._mid_task:
            with questions(self._stack) as app:
                _wait("a task in hand", lambda: self._caught(app), self._busy_within_s)
        else:
            self._freeze()

    def confirm(self) -> Mapping[str, Any]:
        _wait(
            f"{self._worker.name} stands still", lambda: self._worker.is_frozen, REPLACED_WITHIN_S
        )
        return {"pids": self._pids, "task_ids": self._task_ids}

    def heal(self) -> None:
        self._worker.resume()

    def _freeze(self) -> None:
        # A frozen container cannot be asked.
        self._pids = self._worker.pids()
        self._worker.pause()

    def _caught(self, app: Celery) -> bool:
        held = sorted(in_hand(app, self._queue))
        if not held:
            return False
        self._freeze()
        self._task_ids = unfinished(self._stack, held)
        if not self._task_ids:
            self._worker.resume()
        return bool(self._task_ids)


def _wait(what: str, attempt: Any, within_s: float) -> Any:
    try:
        return wait_for(what, attempt, within_s=within_s)
    except TimedOut as error:
        raise FaultDidNotTakeHold(str(error)) from None
