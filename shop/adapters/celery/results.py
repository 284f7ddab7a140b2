"""What became of a task: the shop's stamps joined with Celery's result."""

from typing import Any

from celery import Celery, states

from shop.adapters.redis import keys
from shop.adapters.redis.autopipeline import AutoPipeline, all_of
from shop.adapters.redis.client import store_errors
from shop.adapters.redis.ledger import timings
from shop.domain.work import TaskReport


class CeleryTaskLookup:
    """Reads the result of one task without subscribing to it.

    `app` is asked for the key and the decoding only, so that both stay Celery's own.
    """

    def __init__(self, app: Celery, store: AutoPipeline, results: AutoPipeline) -> None:
        self._app = app
        self._store = store
        self._results = results

    async def find(self, task_id: str) -> TaskReport | None:
        backend = self._app.backend
        with store_errors():
            stamps = "HGETALL", keys.task(task_id)
            payload, fields = await all_of(
                self._results.ask("GET", backend.get_key_for_task(task_id)),
                self._store.ask(*stamps),
            )
            if payload and "finished_at" not in fields:
                # It ended between the two: a result goes with all of its stamps.
                fields = await self._store.run(*stamps)
        if not fields:
            return None
        meta = backend.decode(payload) if payload else {}
        state = meta.get("status", states.PENDING)
        result = meta.get("result")
        return TaskReport(
            task_id=task_id,
            task=fields.get("task", ""),
            state=state,
            result=result if state == states.SUCCESS else None,
            error=_one_line(result) if state in states.EXCEPTION_STATES else None,
            timings=timings(fields),
        )


def _one_line(error: Any) -> str:
    """`{"exc_type": "InvalidTask", "exc_message": ["..."], ...}` as `InvalidTask: ...`."""
    if not isinstance(error, dict):
        return str(error)
    message = error.get("exc_message", "")
    text = ", ".join(map(str, message)) if isinstance(message, list | tuple) else str(message)
    return f"{error.get('exc_type', 'Error')}: {text}"
