"""Broker connections that are tried again soon, however long the broker has been away."""

import time
from collections.abc import Callable
from typing import Any, Self

import kombu
from celery.app import amqp

from shop.adapters.celery.routes import Router

#: Seconds between attempts, growing by a step from the first to the longest. Celery 5.7 leaves
#: kombu's 2, 4, 6 ... 30 s to workers, and has no setting for them: after Redis had been away
#: for 20 s, both workers consumed again 10 s after it was back, and 5 s are promised. An attempt
#: that is refused costs next to nothing.
RETRY_FIRST_S, RETRY_STEP_S, RETRY_LONGEST_S = 0.2, 0.2, 1.0
#: What is lost sooner after it was made was of no use: the next one waits.
STEADY_AFTER_S = 5.0


class Connection(kombu.Connection):
    """What workers and Beat wait for their broker with."""

    def ensure_connection(
        self,
        errback: Callable[..., Any] | None = None,
        max_retries: int | None = None,
        interval_start: float = RETRY_FIRST_S,
        interval_step: float = RETRY_STEP_S,
        interval_max: float = RETRY_LONGEST_S,
        **options: Any,
    ) -> Self:
        """Return when connected. Raises kombu's `OperationalError` after `max_retries`, if any."""
        super().ensure_connection(  # type: ignore[no-untyped-call]
            errback, max_retries, interval_start, interval_step, interval_max, **options
        )
        return self


class BackOff:
    """Spaces connections that are made, and lost at once.

    A server may answer a greeting and refuse what comes after it, such as to an account that may
    not do all it needs. Celery 5.7 connects anew as fast as it can, and sleeps for a second, with
    a traceback in its log, after the fifth time within one.
    """

    def __init__(self) -> None:
        self._made_at_s = float("-inf")
        self._wait_s = 0.0

    def wait(self, callback: Callable[[], object]) -> None:
        """Before a connection is made; `callback` may raise, to be asked for nothing more."""
        if time.monotonic() - self._made_at_s > STEADY_AFTER_S:
            self._wait_s = 0.0
            return
        self._wait_s = min(self._wait_s + RETRY_STEP_S, RETRY_LONGEST_S)
        until_s = time.monotonic() + self._wait_s
        while (left_s := until_s - time.monotonic()) > 0:
            callback()
            time.sleep(min(left_s, RETRY_STEP_S))

    def made(self) -> None:
        """A connection was made."""
        self._made_at_s = time.monotonic()


class AMQP(amqp.AMQP):
    """What a Celery app makes its connections with, and finds its queues."""

    Connection = Connection
    BrokerConnection = Connection

    def Router(self, queues: Any = None, create_missing: bool | None = None) -> Router:  # noqa: N802 - Celery's name
        missing = self.app.either("task_create_missing_queues", create_missing)
        return Router(self.routes, queues or self.queues, missing, app=self.app)
