"""Timers that were called off are thrown away."""

import heapq
from typing import Any, ClassVar

from celery import bootsteps

TIDY_EVERY_S = 5.0


class TidyTimers(bootsteps.StartStopStep):
    """Frees the time limits of tasks that are done.

    kombu 5.7 keeps a timer that was called off until it would have gone off: for each task of the
    prefork pool half a kilobyte for five minutes, which came to 60 MiB in a worker that was busy.
    """

    requires: ClassVar[tuple[str, ...]] = ("celery.worker.consumer.connection:Connection",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._tidying: Any = None

    def start(self, consumer: Any) -> None:
        # Without an event loop the timers are another thread's.
        if consumer.hub is not None:
            timer = consumer.hub.timer
            self._tidying = timer.call_repeatedly(TIDY_EVERY_S, tidy, (timer,))

    def stop(self, _consumer: Any) -> None:
        if self._tidying is not None:
            self._tidying.cancel()
            self._tidying = None


def tidy(timer: Any) -> None:
    """Also in the middle of a turn of `timer`, which goes on with the same list."""
    queue = timer._queue  # noqa: SLF001
    queue[:] = [scheduled for scheduled in queue if not scheduled.entry.canceled]
    heapq.heapify(queue)
