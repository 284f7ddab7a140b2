"""Celery's results in Redis, stored in the round trip that a task ends with.

Celery reads the earlier result, and then writes and announces the new one: two round trips on a
connection of its own, between which another delivery may store a success that is then lost.
"""

from collections.abc import Callable
from typing import Any

from celery import Celery, states
from celery.backends import redis
from kombu.utils.encoding import bytes_to_str
from redis import BlockingConnectionPool, Connection

from shop.adapters.celery.refusing import reconnecting
from shop.adapters.redis.client import MAX_WORKER_CONNECTIONS, WORKER_SOCKET_TIMEOUT_S, store_errors
from shop.adapters.redis.results import storing
from shop.adapters.redis.trips import RoundTrips


class BoundedPool(BlockingConnectionPool):
    """Celery 5.7's own pool has no bound, and with one it raises where a thread could wait.

    Its connections are found where those of Celery's are, which Celery's own tests look into.
    """

    @property
    def _available_connections(self) -> list[Connection]:  # type: ignore[override]
        return [connection for connection in self.pool.queue if connection is not None]

    @property
    def _in_use_connections(self) -> set[Connection]:  # type: ignore[override]
        return {*self._connections} - {*self._available_connections}


class ResultBackend(redis.RedisBackend):
    """Celery's own, but for how a task's result is stored in a worker, and for refusals."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connparams["connection_class"] = reconnecting(
            self.connparams.get("connection_class", Connection)
        )

    def _get_pool(self, **params: Any) -> BoundedPool:
        bounds = {"max_connections": MAX_WORKER_CONNECTIONS, "timeout": WORKER_SOCKET_TIMEOUT_S}
        return BoundedPool(**{**params, **bounds})  # type: ignore[no-untyped-call]

    def _store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: Any = None,
        request: Any = None,
        **kwargs: Any,
    ) -> Any:
        trips = self._trips
        if trips is None:
            return super()._store_result(task_id, result, state, traceback, request, **kwargs)
        meta = self._get_result_meta(
            result=result, state=state, traceback=traceback, request=request
        )
        meta["task_id"] = bytes_to_str(task_id)
        expires = self.failure_expires if state == states.FAILURE else self.expires
        key, db = self.get_key_for_task(task_id), self.connparams["db"]
        is_success = state == states.SUCCESS
        store = storing(key, self.encode(meta), is_success=is_success, expires_s=expires, db=db)
        with store_errors():
            trips.ask(store)
        return result

    def process_cleanup(self) -> None:
        """At the end of each task, whether it has a result or not."""
        if self._trips is not None:
            with store_errors():
                self._trips.flush()

    @property
    def _trips(self) -> RoundTrips | None:
        return carrier(self.app)


def use_round_trips(app: Celery, trips: Callable[[], RoundTrips | None]) -> None:
    """Let results share the round trips of tasks, if `trips` has any when a task ends."""
    name = f"{__name__}:{ResultBackend.__name__}"
    app.loader.override_backends = dict.fromkeys(("redis", "rediss"), name)
    app.result_trips = trips


def carrier(app: Celery) -> RoundTrips | None:
    """The round trips that results go with; None where Celery stores them in its own way."""
    trips: Callable[[], RoundTrips | None] | None = getattr(app, "result_trips", None)
    return None if trips is None else trips()
