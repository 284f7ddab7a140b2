"""Two faults that show a sabotage each time they are injected, not only when chance has it."""

import json
import signal
from collections.abc import Callable, Mapping
from typing import Any

from shop.adapters.redis import keys
from testing.faults import Fault, FaultDidNotTakeHold
from testing.history import Recorder
from testing.stack import BROKER_DB, Stack
from testing.waiting import TimedOut, wait_for

HELD_WITHIN_S = 10.0


class WorkerKilledBeforeStarting(Fault):
    """SIGKILL of a worker that has taken messages and started none of them; started again.

    The messages are in nobody's queue any more: what they were a hint of is known to the record
    alone.
    """

    name = "worker-killed-before-starting"

    def __init__(
        self,
        stack: Stack,
        worker: str,
        place: Callable[[], object],
        history: Recorder | None = None,
        *,
        holding: int,
    ) -> None:
        """`worker` has processes for its pool, and nothing to do until `place` was called.

        It is killed once it holds so many messages: one for each process.
        """
        super().__init__(history)
        self._stack = stack
        self._worker = stack.service(worker)
        self._queue = worker.removeprefix("worker-")
        self._place = place
        self._holding = holding
        self._task_ids: list[str] = []

    def inject(self) -> None:
        main, *pool = self._worker.processes()
        if not pool:
            raise FaultDidNotTakeHold(f"{self._worker.name} has no pool: it is one process {main}")
        for process in pool:
            self._worker.send_signal(process.pid, signal.SIGSTOP)
        self._place()
        try:
            wait_for(
                f"{self._holding} messages in hand",
                lambda: len(self._held()) >= self._holding,
                within_s=HELD_WITHIN_S,
            )
        except TimedOut as error:
            raise FaultDidNotTakeHold(str(error)) from None
        self._worker.kill()

    def confirm(self) -> Mapping[str, Any]:
        if self._worker.is_running:
            raise FaultDidNotTakeHold(f"{self._worker.name} was killed, and runs")
        self._task_ids = self._held()
        if len(self._task_ids) < self._holding:
            raise FaultDidNotTakeHold(f"{self._worker.name} has started some of what it held")
        return {"task_ids": self._task_ids}

    def heal(self) -> None:
        # Also one that lives, for its pool may stand still.
        self._worker.kill()
        self._worker.start()

    def _held(self) -> list[str]:
        """Tasks that were taken from the queue, and are not started."""
        taken: list[Any] = self._stack.redis(BROKER_DB).hvals("unacked")
        ids = []
        for message, _, routing_key in map(json.loads, taken):
            task_id = message["headers"]["id"]
            started = self._stack.redis().hget(keys.task(task_id), "started_at")
            if routing_key == self._queue and started is None:
                ids.append(task_id)
        return ids


class PoolFrozen(Fault):
    """A worker that lives, is connected, and starts nothing: the processes of its pool stand still.

    Nobody told it to: a pause by Celery's remote control is no stall.
    """

    name = "pool-frozen"

    def __init__(self, stack: Stack, worker: str, history: Recorder | None = None) -> None:
        """`worker` has processes for its pool, and nothing to do now."""
        super().__init__(history)
        self._worker = stack.service(worker)
        self._frozen: list[int] = []

    def inject(self) -> None:
        _, *self._frozen = self._worker.pids()
        for pid in self._frozen:
            self._worker.send_signal(pid, signal.SIGSTOP)

    def confirm(self) -> Mapping[str, Any]:
        if not self._frozen or not set(self._frozen) <= set(self._worker.pids()):
            raise FaultDidNotTakeHold(f"{self._worker.name} has no pool that stands still")
        return {"pids": self._frozen}

    def heal(self) -> None:
        """Nobody does but the worker itself: that it does is what is to be shown."""
