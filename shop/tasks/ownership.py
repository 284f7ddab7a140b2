"""Keeps workers and Beat away from a broker's database that belongs to another shop."""

import logging
import os
import time
from collections.abc import Callable
from typing import Any, ClassVar

from celery import bootsteps
from celery.beat import PersistentScheduler
from celery.exceptions import WorkerShutdown
from celery.worker import state

from shop.domain.errors import ForeignBroker, StoreUnavailable

logger = logging.getLogger(__name__)

#: While a database cannot be asked whose it is.
ASK_AGAIN_AFTER_S = 1.0
STOP_POLL_S = 0.1
#: What Celery's app carries: made by `bootstrap.own_broker_check`.
Require = Callable[[], None]


class _Check:
    """Asks until it knows; what keeps it from knowing is told once an outage."""

    def __init__(self) -> None:
        self.is_ours = False
        self._is_told = False

    def passes(self, require: Require) -> bool:
        """False while nobody knows. Raises `ForeignBroker`."""
        try:
            require()
        except StoreUnavailable as error:
            if not self._is_told:
                logger.warning("asks again whose the broker is: %s", error)
            self._is_told = True
            return False
        except ForeignBroker as error:
            logger.critical("%s", error)
            raise
        self.is_ours, self._is_told = True, False
        return True


class Ownership(bootsteps.StartStopStep):
    """Asks whose the broker's database is, before anything is consumed, at each connection.

    kombu takes messages in the worker's loop alone, which is the last step; so this one may be any.
    """

    requires: ClassVar[tuple[str, ...]] = ("celery.worker.consumer.connection:Connection",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._check = _Check()

    def start(self, consumer: Any) -> None:
        try:
            # What it has once been it still is, as far as anybody knows; a worker that waits here
            # answers nobody, and its watchdog takes it for stuck.
            while not self._check.passes(consumer.app.require_own_broker):
                if self._check.is_ours:
                    return
                _pause()
        except ForeignBroker:
            raise WorkerShutdown(os.EX_CONFIG) from None


class OwnedScheduler(PersistentScheduler):
    """Sends nothing before it is known that the broker's database is this shop's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._check = _Check()

    def tick(self, *args: Any, **kwargs: Any) -> float:
        try:
            if not (self._check.is_ours or self._check.passes(self.app.require_own_broker)):
                return ASK_AGAIN_AFTER_S
        except ForeignBroker:
            logging.shutdown()
            # Celery 5.7's service ends with 0, whatever is raised here.
            os._exit(os.EX_CONFIG)
        due_in_s: float = super().tick(*args, **kwargs)
        return due_in_s


def _pause() -> None:
    """A worker that is told to stop does."""
    until_s = time.monotonic() + ASK_AGAIN_AFTER_S
    while time.monotonic() < until_s:
        state.maybe_shutdown()
        time.sleep(STOP_POLL_S)
