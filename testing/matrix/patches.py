"""What a service of the matrix is started with; each is a context manager, as a sabotage's."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from redis.exceptions import OutOfMemoryError, ResponseError

from shop.adapters.redis import refusals
from shop.adapters.redis.connection import ReadOnlyServer

BEAT_OFTEN = "beat-often"
LEAKED_SLOT = "leaked-slot"
ENDS_ON_OOM = "ends-on-oom"
#: Beat has a round trip when it sends: every five minutes, as it is.
SENDS_EVERY_S = 5.0


@contextmanager
def beat_often() -> Iterator[None]:
    """Beat sends what it sends every five minutes, every five seconds."""
    from shop.tasks import schedule

    with (
        patch.object(schedule, "CHECK_PENDING_EVERY_S", SENDS_EVERY_S),
        patch.object(schedule, "AUDIT_EVERY_S", SENDS_EVERY_S),
    ):
        yield


@contextmanager
def leaked_slot() -> Iterator[None]:
    """A request whose task found no store is neither acknowledged nor put back."""
    from shop.adapters.celery.settling import UNKEPT, SettledRequest

    fail = SettledRequest.on_failure

    def on_failure(self: Any, exc_info: Any, *args: Any, **kwargs: Any) -> None:
        error = getattr(exc_info.exception, "exc", exc_info.exception)
        if not isinstance(error, UNKEPT):
            fail(self, exc_info, *args, **kwargs)

    with patch.object(SettledRequest, "on_failure", on_failure):
        yield


@contextmanager
def ends_on_oom() -> Iterator[None]:
    """That Redis is full is an error of the program, and no loss of the connection."""
    from celery.worker.consumer import Consumer

    from shop.adapters.celery import refusing

    def is_refusal(error: ResponseError) -> bool:
        return not isinstance(error, OutOfMemoryError) and refusals.is_refusal(error)

    def raising(handle: Callable[..., None]) -> Callable[..., None]:
        def raise_or_handle(self: Any, error: Exception) -> None:
            if isinstance(error, OutOfMemoryError):
                raise error
            handle(self, error)

        return raise_or_handle

    with (
        patch.object(refusing, "is_refusal", is_refusal),
        patch.multiple(
            Consumer,
            on_connection_error_after_connected=raising(
                Consumer.on_connection_error_after_connected
            ),
            on_connection_error_before_connected=raising(
                Consumer.on_connection_error_before_connected
            ),
        ),
    ):
        yield


@contextmanager
def swallowed_readonly() -> Iterator[None]:
    """A worker's store takes what a read-only server says for its reply."""
    from shop.adapters.redis.connection import Connection

    read = Connection.read_response

    def read_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return read(self, *args, **kwargs)
        except ReadOnlyServer:
            return None

    with patch.object(Connection, "read_response", read_response):
        yield


MATRIX_PATCHES: Mapping[str, Callable[[], AbstractContextManager[object]]] = {
    BEAT_OFTEN: beat_often,
    LEAKED_SLOT: leaked_slot,
    ENDS_ON_OOM: ends_on_oom,
}
