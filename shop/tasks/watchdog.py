"""Ends a worker that has work and starts none of it; the supervisor starts a new one.

A worker on Redis can stall in ways that neither it nor Celery notices: its connection is up, its
queue is full, and nothing is taken. No cause is looked for here, only the effect.
"""

import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from billiard.process import active_children
from celery.worker import state

from shop.domain.work import EXIT_STALLED

logger = logging.getLogger(__name__)

#: Who has not looked for longer, seconds, was not awake for longer.
AWAKE_S = 2.0


@dataclass
class Watchdog:
    """Judges by what has been seen since the last progress."""

    stall_after_s: float
    #: Whether a message waits in one of the worker's queues.
    has_work: Callable[[], bool]
    #: A number that changes whenever a task is started.
    started: Callable[[], int]
    #: Whether a task is running: a long one is no stall, and time limits end an endless one.
    is_busy: Callable[[], bool]
    now_s: Callable[[], float]
    _seen: int = field(default=-1, init=False)
    _looked_at_s: float = field(default=0.0, init=False)
    _without_progress_s: float = field(default=0.0, init=False)

    def is_stalled(self) -> bool:
        """Whether there has been work, and no start, for `stall_after_s` in which it was awake.

        To be asked each second or so: what was longer between two looks was slept through, in a
        suspended machine or a stopped process.

        Errors of `has_work` pass through and count as progress: while the broker is away
        nobody can start anything.
        """
        now_s, before_s = self.now_s(), self._without_progress_s
        awake_s = min(now_s - self._looked_at_s, AWAKE_S)
        self._looked_at_s, self._without_progress_s = now_s, 0.0
        started = self.started()
        if started != self._seen or self.is_busy():
            self._seen = started
            return False
        if self.has_work():
            self._without_progress_s = before_s + awake_s
        return self._without_progress_s >= self.stall_after_s


class LoopPulse:
    """Whether the worker's event loop goes round, felt from another thread.

    What it hangs in, it does not leave to take results, so that what was in hand seems to run for
    ever; and the time limits of the pool are kept by the same loop.
    """

    def __init__(
        self,
        call_soon: Callable[[Callable[[], None]], object],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`call_soon` has the loop call something, such as `Hub.call_soon`."""
        self._call_soon = call_soon
        self._now_s = now_s
        self._is_asked = False
        self._felt_s = now_s()

    def silent_s(self) -> float:
        """Seconds since the loop went round; ask it every now and then, for it answers later."""
        if not self._is_asked:
            self._is_asked = True
            self._call_soon(self._beat)
        return self._now_s() - self._felt_s

    def _beat(self) -> None:
        self._felt_s = self._now_s()
        self._is_asked = False


def tasks_started() -> int:
    """How many tasks this worker has started since it is up."""
    return sum(state.total_count.values())


def end_worker() -> None:
    """End this worker at once: what stalls cannot be relied on to stop.

    What its processes hold was not acknowledged, or is in the record: it is taken up again.
    """
    logger.critical("there is work and none is started: this worker ends itself")
    for process in active_children():
        os.kill(process.pid, signal.SIGKILL)
    logging.shutdown()
    os._exit(EXIT_STALLED)
