"""Ends a worker that is told to stop: finishes what it has in hand, or hands it back.

Celery stops inside its signal handler, between whichever two instructions of the main thread the
signal came. What that thread holds, such as the lock of the events, it then holds for as long as
the handler waits for the pool, whose threads wait for the lock; and no result is read meanwhile.
Here the handler only takes note: the event loop goes on until nothing is in hand, and then stops.
After a SIGHUP the process begins anew, by the command that it was started with.
"""

import atexit
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from types import FrameType
from typing import Any, ClassVar

from billiard.process import active_children
from celery import bootsteps
from celery.worker import WorkController, state
from celery.worker.request import Request
from kombu.common import ignore_errors

from shop.adapters.celery.config import SOFT_SHUTDOWN_S

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
LOOK_EVERY_S = 0.05
#: How long a killed process of the pool may take to be gone.
KILLED_WITHIN_S = 1.0


class Stopping(bootsteps.StartStopStep):
    """Takes over the worker's signals, once its pool runs."""

    requires: ClassVar[set[str]] = {"celery.worker.components:Pool"}

    def __init__(self, worker: WorkController, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._worker = worker
        self._was_asked = False
        self._begins_anew = False
        self._asked = threading.Event()
        self._drained = threading.Event()
        #: Received and not acknowledged; Celery's own set forgets a task before that.
        self._in_hand: set[Request] = set()

    def start(self, _worker: WorkController) -> None:
        threading.Thread(target=self._run, name="stopping", daemon=True).start()
        for signum in SIGNALS:
            signal.signal(signum, self._on_signal)

    def terminate(self, _worker: WorkController) -> None:
        """Before the pool's own end, which waits for its processes: none has work that counts.

        What one of them still runs was not acknowledged: it goes back to the queue when the
        connection is closed, and the record knows what is owed.
        """
        processes = active_children()
        for process in processes:
            os.kill(process.pid, signal.SIGKILL)
        for process in processes:
            process.join(KILLED_WITHIN_S)

    def _on_signal(self, signum: int, _frame: FrameType | None) -> None:
        # Nothing that takes a lock which the main thread may hold; a second signal may come
        # while this runs, and the last one that came decides.
        self._begins_anew = signum == signal.SIGHUP
        if self._was_asked:
            return
        self._was_asked = True
        if self._worker.consumer.connection is None:
            # It looks for its broker, and asks between its tries whether to go on.
            state.should_terminate = os.EX_OK
        self._asked.set()

    def _run(self) -> None:
        """The thread that bounds all this."""
        self._asked.wait()
        give_up_s = time.monotonic() + SOFT_SHUTDOWN_S
        while not self._drained.is_set() and time.monotonic() < give_up_s:
            self._worker.hub.call_soon(self._drain)
            self._drained.wait(LOOK_EVERY_S)
        atexit.register(self._begin_anew)
        state.should_terminate = os.EX_OK
        self._worker.hub.call_soon(_wake)
        if self._drained.is_set():
            logger.info("stopping: nothing is in hand")
            return
        logger.warning("stopping: what is not finished is handed back")
        self._worker.blueprint.shutdown_complete.wait()
        # Python would wait for the threads of a pool, whose tasks are another worker's now.
        logging.shutdown()
        self._begin_anew()
        os._exit(os.EX_OK)

    def _begin_anew(self) -> None:
        """If a SIGHUP asks for it. Celery 5.7 forgets the `-m` of `python -m celery`, and ends."""
        if self._begins_anew:
            command = [sys.executable, *sys.orig_argv[1:]]
            os.execv(sys.executable, command)  # noqa: S606  (its own)

    def _drain(self) -> None:
        """In the event loop: take no more, and see whether anything is left."""
        consumer = self._worker.consumer
        # A message that is under way all the same is rejected, and so goes back to its queue.
        ignore_errors(consumer, consumer.task_consumer.cancel)
        self._in_hand = unsettled([*self._in_hand, *state.reserved_requests])
        if not self._in_hand:
            self._drained.set()


def unsettled(requests: Iterable[Request]) -> set[Request]:
    """Those of which the broker was not told yet what became of them."""
    return {request for request in requests if not request.acknowledged}


def _wake() -> None:
    """What the event loop is given to look at its state."""
