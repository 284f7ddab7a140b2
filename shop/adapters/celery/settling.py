"""A request whose message is settled whatever becomes of it, so that its slot is free again.

Celery 5.7 acknowledges a late task's message in a handler of its outcome. Where that raises before
it gets there, or is never called, the message stays in hand for as long as its connection lives,
and with it one of the slots that bound how many the worker takes:

- storing a failure raises, in a thread of a pool of threads: `apply_target` leaves the error to a
  future that nobody looks at, and calls no handler;
- the same in a process of a prefork pool, or for a time-out: `on_failure` or `on_timeout` raises
  on its way to the acknowledgement, and billiard logs it;
- the result of a revocation cannot be stored, in the middle of taking messages;
- an event cannot be sent when a thread accepts a task: the task is not even begun.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import wraps
from typing import Any
from weakref import WeakSet

from billiard.einfo import ExceptionInfo, ExceptionWithTraceback
from celery import signals
from celery.exceptions import BackendError
from celery.worker import state
from celery.worker.request import Request
from kombu.asynchronous import get_event_loop

from shop.adapters.celery.envelope import ENQUEUED_AT_HEADER
from shop.adapters.celery.errors import BROKER_ERRORS
from shop.domain.errors import StoreUnavailable

logger = logging.getLogger(__name__)

#: What says that an outcome could not be kept, where it comes from outside of a task.
UNKEPT = (*BROKER_ERRORS, BackendError, StoreUnavailable)
#: A message without a record goes back into its queue so much later. Its slot is not free before,
#: so that a worker whose Redis refuses tries each at most so often.
BACK_AFTER_S = 1.0


class Running:
    """The requests that a thread or a process runs now; any thread may ask for their number.

    Celery's own set also has those that nothing runs any more.
    """

    def __init__(self) -> None:
        self._requests: WeakSet[Request] = WeakSet()
        self._lock = threading.Lock()

    def begin(self, request: Request) -> None:
        with self._lock:
            self._requests.add(request)

    def end(self, request: Request) -> None:
        with self._lock:
            self._requests.discard(request)

    def __len__(self) -> int:
        with self._lock:
            return len(self._requests)


running = Running()


class SettledRequest(Request):
    """Acknowledged, or put back into its queue, by the time that nothing runs it any more."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # Celery makes a class of its own of this one for each task, with these two methods.
        super().__init_subclass__(**kwargs)
        for name, wrap in (("on_success", _ending), ("execute_using_pool", _watched)):
            if method := vars(cls).get(name):
                setattr(cls, name, wrap(method))

    @property
    def is_recorded(self) -> bool:
        """Whether the sweep sends it again if it is acknowledged undone."""
        return ENQUEUED_AT_HEADER in self.request_dict

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        running.begin(self)
        super().on_accepted(pid, time_accepted)

    def on_timeout(self, soft: bool, timeout: float) -> None:
        handle = Request.on_timeout if soft else _ending(Request.on_timeout)
        handle(self, soft, timeout)

    def on_failure(self, exc_info: ExceptionInfo, *args: Any, **kwargs: Any) -> None:
        error = exc_info.exception
        if isinstance(error, ExceptionWithTraceback):
            error = error.exc
        # What a task itself raises comes by way of `on_success`, and is told `return_ok`.
        if isinstance(error, UNKEPT) and not kwargs.get("return_ok"):
            running.end(self)
            self.settle(error)
        else:
            _ending(Request.on_failure)(self, exc_info, *args, **kwargs)

    def _announce_revoked(self, reason: str, terminated: bool, signum: Any, expired: bool) -> None:
        try:
            super()._announce_revoked(reason, terminated, signum, expired)
        except UNKEPT as error:
            self._already_revoked = True
            self.settle(error)
            signals.task_revoked.send(
                self.task,
                request=self._context,
                terminated=terminated,
                signum=signum,
                expired=expired,
            )

    def settle(self, error: BaseException) -> None:
        """Nobody will say what became of the task, for `error` came in between."""
        logger.warning("%s: its outcome was not kept: %s", self.humaninfo(), error)
        state.task_ready(self)
        if self.acknowledged:
            return
        if self.is_recorded or self._already_revoked:
            self.acknowledge()
            return
        loop = get_event_loop()
        if loop is None:
            self.reject(requeue=True)
        else:
            # Timers are the loop's alone.
            loop.call_soon(loop.call_later, BACK_AFTER_S, self.reject, True)

    def thread_ended(self, future: "Future[Any]") -> None:
        """The thread is done with it, one way or the other."""
        running.end(self)
        if future.cancelled() or (error := future.exception()) is None:
            return
        if isinstance(error, UNKEPT):
            self.settle(error)
        else:
            self.on_failure(ExceptionInfo((type(error), error, error.__traceback__)))


def _ending(handle: Callable[..., Any]) -> Callable[..., Any]:
    """A handler of an outcome: nothing runs the task any more, and if it raises, it settles."""

    @wraps(handle)
    def end_and_handle(self: SettledRequest, *args: Any, **kwargs: Any) -> Any:
        running.end(self)
        try:
            return handle(self, *args, **kwargs)
        except Exception as error:
            self.settle(error)

    return end_and_handle


def _watched(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Hands a task to the pool, and looks after it where the pool does not."""

    @wraps(execute)
    def execute_watched(self: SettledRequest, pool: Any, **kwargs: Any) -> Any:
        result = execute(self, pool, **kwargs)
        # A thread's alone; a pool of processes sees to the end of each.
        future: Future[Any] | None = getattr(result, "f", None)
        if future is not None:
            future.add_done_callback(self.thread_ended)
        return result

    return execute_watched
