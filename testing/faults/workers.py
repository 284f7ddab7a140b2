"""Workers die or freeze while they have a task in hand."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import psutil
from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from shop.adapters.redis import keys
from testing.faults.fault import Fault, FaultDidNotTakeHold
from testing.history import Recorder
from testing.stack import Stack, StackFailed
from testing.waiting import TimedOut, wait_for

#: A worker that was just restarted takes some seconds, and then needs something to do.
BUSY_WITHIN_S = 20.0
REPLACED_WITHIN_S = 10.0
#: How long a worker may take to say what it has in hand.
REPLY_WITHIN_S = 1.0


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
        self._before: set[int] = set()

    def inject(self) -> None:
        with _questions(self._stack) as app:

            def caught() -> bool:
                for pid in set(_in_hand(app, self._queue).values()):
                    if self._caught(app, pid):
                        return True
                return False

            _wait("a task in hand", caught, self._busy_within_s)

    def confirm(self) -> Mapping[str, Any]:
        def replaced() -> list[int] | None:
            now = set(self._worker.pids())
            return (sorted(now - self._before) or None) if self._pid not in now else None

        new = _wait(f"process {self._pid} is replaced", replaced, REPLACED_WITHIN_S)
        return {"pid": self._pid, "task_id": self._task_id, "replaced_by": new}

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
            held = [task for task, holder in _in_hand(app, self._queue).items() if holder == pid]
            unfinished = _unfinished(self._stack, held)
            if unfinished:
                self._before = set(self._worker.pids())
                self._worker.send_signal(pid, signal.SIGKILL)
                killed, self._pid, self._task_id = True, pid, unfinished[0]
        finally:
            if not killed:
                with suppress(StackFailed, ProcessLookupError):
                    self._worker.send_signal(pid, signal.SIGCONT)
        return killed


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

    def inject(self) -> None:
        with _questions(self._stack) as app:
            _wait("a task in hand", lambda: self._caught(app), self._busy_within_s)

    def confirm(self) -> Mapping[str, Any]:
        if self._worker.is_running or self._worker.processes():
            raise FaultDidNotTakeHold(f"{self._worker.name} was killed, and runs")
        if not _unfinished(self._stack, self._task_ids):
            raise FaultDidNotTakeHold(f"{self._worker.name} had finished what it had in hand")
        return {"pids": self._pids, "task_ids": self._task_ids}

    def heal(self) -> None:
        if not self._worker.is_running:
            self._worker.start()

    def _caught(self, app: Celery) -> bool:
        held = list(_in_hand(app, self._queue))
        if not held:
            return False
        self._pids = self._worker.pids()
        self._worker.pause()
        try:
            self._task_ids = _unfinished(self._stack, held)
            if self._task_ids:
                self._worker.kill()
        finally:
            self._worker.resume()
        return bool(self._task_ids)


class WorkerFrozen(Fault):
    """All of a worker stands still, then goes on as if no time had passed."""

    name = "worker-frozen"

    def __init__(self, stack: Stack, worker: str, history: Recorder | None = None) -> None:
        super().__init__(history)
        self._worker = stack.service(worker)

    def inject(self) -> None:
        self._worker.pause()

    def confirm(self) -> Mapping[str, Any]:
        pids = self._worker.pids()

        def stopped() -> bool:
            return all(psutil.Process(pid).status() == psutil.STATUS_STOPPED for pid in pids)

        _wait(f"{self._worker.name} stands still", stopped, REPLACED_WITHIN_S)
        return {"pids": pids}

    def heal(self) -> None:
        self._worker.resume()


@contextmanager
def _questions(stack: Stack) -> Iterator[Celery]:
    """An app to ask workers with."""
    app = stack.celery()
    try:
        yield app
    finally:
        app.close()


def _in_hand(app: Celery, queue: str) -> dict[str, int]:
    """Tasks that the queue's worker says it has started, and the process that has each."""
    try:
        replies = app.control.inspect(
            timeout=REPLY_WITHIN_S, pattern=f"{queue}@*", matcher="glob", limit=1
        ).active()
    except (OperationalError, RedisError, OSError):
        return {}
    return {
        request["id"]: request["worker_pid"]
        for active in (replies or {}).values()
        for request in active
        if request["worker_pid"] is not None
    }


def _unfinished(stack: Stack, task_ids: list[str]) -> list[str]:
    """Those that were started and not finished, by the stamps in the store."""
    with stack.redis().pipeline(transaction=False) as pipe:
        for task_id in task_ids:
            pipe.hmget(keys.task(task_id), "started_at", "finished_at")
        rows: list[list[str | None]] = pipe.execute()
    return [
        task_id
        for task_id, (started_at, finished_at) in zip(task_ids, rows, strict=True)
        if started_at is not None and finished_at is None
    ]


def _wait(what: str, attempt: Any, within_s: float) -> Any:
    try:
        return wait_for(what, attempt, within_s=within_s)
    except TimedOut as error:
        raise FaultDidNotTakeHold(str(error)) from None
