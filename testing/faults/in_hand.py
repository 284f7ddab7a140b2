"""What a worker has in hand, by its own word and by the shop's stamps."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery

from shop.adapters.celery.errors import BROKER_ERRORS
from shop.adapters.redis import keys
from shop.domain.work import Queue
from testing.stack import Stack

#: How long a worker may take to say what it has in hand.
REPLY_WITHIN_S = 1.0


@contextmanager
def questions(stack: Stack) -> Iterator[Celery]:
    """An app to ask workers with."""
    app = stack.celery()
    try:
        yield app
    finally:
        app.close()


def in_hand(app: Celery, queue: str) -> dict[str, int]:
    """Tasks that the queue's worker says it has started, and the process that has each."""
    try:
        replies = app.control.inspect(
            timeout=REPLY_WITHIN_S, pattern=f"{queue}@*", matcher="glob", limit=1
        ).active()
    except BROKER_ERRORS:
        return {}
    return {
        request["id"]: request["worker_pid"]
        for active in (replies or {}).values()
        for request in active
        if request["worker_pid"] is not None
    }


def owed(stack: Stack, queue: str) -> set[str]:
    """Tasks of work that is open; not every broker says which ones a worker has taken."""
    store = stack.redis()
    is_priority = queue == Queue.PRIORITY
    ids: Any = store.zrange(keys.NOTIFICATIONS_OPEN if is_priority else keys.ORDERS_OPEN, 0, -1)
    if is_priority:
        return set(ids)
    with store.pipeline(transaction=False) as pipe:
        for order_id in ids:
            pipe.hget(keys.order(order_id), "task_id")
        return set(filter(None, pipe.execute()))


def unfinished(stack: Stack, task_ids: list[str], *, since_ms: int = 0) -> list[str]:
    """Those that were started, not before `since_ms`, and not finished, by their stamps."""
    with stack.redis().pipeline(transaction=False) as pipe:
        for task_id in task_ids:
            pipe.hmget(keys.task(task_id), "started_at", "finished_at")
        rows: list[list[str | None]] = pipe.execute()
    return [
        task_id
        for task_id, (started_at, finished_at) in zip(task_ids, rows, strict=True)
        if started_at is not None and int(started_at) >= since_ms and finished_at is None
    ]
