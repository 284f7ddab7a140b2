"""What became of a task: the shop's stamps joined with Celery's result."""

from contextlib import suppress
from typing import Any, cast

import pydantic_core
from celery import Celery, states
from redis.client import NEVER_DECODE

from shop.adapters.redis import keys
from shop.adapters.redis.autopipeline import AutoPipeline, all_of
from shop.adapters.redis.client import store_errors
from shop.adapters.redis.ledger import timings
from shop.domain.work import TaskReport

#: Marks what kombu wrote in a form of its own, and reads back as more than JSON.
_REVIVED = b"__type__"


class CeleryTaskLookup:
    """Reads the result of one task without subscribing to it.

    `app` is asked for the key and the decoding only, so that both stay Celery's own.
    """

    def __init__(self, app: Celery, store: AutoPipeline, results: AutoPipeline) -> None:
        self._app = app
        self._store = store
        self._results = results

    async def find(self, task_id: str) -> TaskReport | None:
        with store_errors():
            stamps = "HGETALL", keys.task(task_id)
            payload, fields = await all_of(
                # Bytes, for a result may be compressed.
                self._results.ask(
                    "GET", self._app.backend.get_key_for_task(task_id), **{NEVER_DECODE: True}
                ),
                self._store.ask(*stamps),
            )
            if payload and "finished_at" not in fields:
                # It ended between the two: a result goes with all of its stamps.
                fields = await self._store.run(*stamps)
        if not fields:
            return None
        meta = self._decoded(payload) if payload else {}
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

    def _decoded(self, payload: bytes) -> dict[str, Any]:
        # Plain JSON is read in a tenth of the time that Celery's own way takes. Left to that is
        # what kombu writes in a form of its own, such as dates, and what is compressed.
        if _REVIVED not in payload:
            with suppress(ValueError):
                return cast(dict[str, Any], pydantic_core.from_json(payload))
        return cast(dict[str, Any], self._app.backend.decode(payload))


def _one_line(error: Any) -> str:
    """`{"exc_type": "InvalidTask", "exc_message": ["..."], ...}` as `InvalidTask: ...`."""
    if not isinstance(error, dict):
        return str(error)
    message = error.get("exc_message", "")
    text = ", ".join(map(str, message)) if isinstance(message, list | tuple) else str(message)
    return f"{error.get('exc_type', 'Error')}: {text}"
