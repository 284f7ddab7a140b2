"""Tasks' results, kept as Celery writes them."""

from typing import Any

from shop.adapters.redis.scripts import Script
from shop.adapters.redis.trips import Command

_STORE = Script.named("store_result")


def storing(key: Any, result: Any, *, expires_s: int | None, db: int) -> Command:
    """Keep `result` at `key` unless a success is there, and tell who waits for it."""
    return Command((_STORE, 1, key, result, expires_s or 0), db=db)
