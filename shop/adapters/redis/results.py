"""Tasks' results, kept as Celery writes them."""

from typing import Any

from redis import Redis

from shop.adapters.redis.client import store_errors
from shop.adapters.redis.scripts import Script
from shop.adapters.redis.trips import Command

_STORE = Script.named("store_result")


def result_key(task_id: str) -> str:
    """As Celery's backend for Redis names it."""
    return f"celery-task-meta-{task_id}"


def storing(key: Any, result: Any, *, is_success: bool, expires_s: int | None, db: int) -> Command:
    """Keep `result` at `key`, and tell who waits for it; only a success replaces a success."""
    return Command((_STORE, 1, key, result, expires_s or 0, int(is_success)), db=db)


class Results:
    """Where they are; on the store's own server a script reaches them in the same step."""

    def __init__(self, client: Redis, *, beside_store: bool) -> None:
        self._client = client
        self._beside_store = beside_store

    @property
    def db_beside_store(self) -> int | None:
        """Their database on the store's server; None if they are on another one."""
        return database(self._client) if self._beside_store else None

    def forget(self, task_id: str) -> None:
        with store_errors():
            self._client.delete(result_key(task_id))


def database(client: Redis) -> int:
    """The number of the database that `client` is connected to."""
    return int(client.connection_pool.connection_kwargs.get("db") or 0)
