"""What became of a task: the record of its work and its stamps, joined with Celery's result."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

import pydantic_core
from celery import Celery, states
from redis.client import NEVER_DECODE

from shop.adapters.redis import keys
from shop.adapters.redis.autopipeline import AutoPipeline, all_of
from shop.adapters.redis.client import store_errors
from shop.adapters.redis.ledger import timings
from shop.adapters.redis.scripts import Script
from shop.adapters.redis.trips import as_mapping
from shop.domain.task_state import TaskOutcome, TaskRecord
from shop.domain.work import TaskName, TaskReport

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
        self._find = Script.named("find_task")

    async def find(self, task_id: str) -> TaskReport | None:
        with store_errors():
            payload, found = await all_of(
                # Bytes, for a result may be compressed.
                self._results.ask(
                    "GET", self._app.backend.get_key_for_task(task_id), **{NEVER_DECODE: True}
                ),
                asyncio.ensure_future(self._record(task_id)),
            )
            if found and payload and "finished_at" not in as_mapping(found[1]):
                # It ended between the two: a result goes with all of its stamps.
                found = await self._record(task_id)
        if not found:
            return None
        now_ms, hash_reply, *work = found
        record = _task_record(as_mapping(hash_reply), work)
        outcome, stamps = record.outcome(self._reported(payload), now_ms)
        return TaskReport(
            task_id=task_id,
            task=record.task,
            state=outcome.state,
            result=outcome.result,
            error=outcome.error,
            timings=stamps,
        )

    async def _record(self, task_id: str) -> Any:
        return await self._store.run_script(
            self._find,
            keys=[keys.task(task_id), keys.notification(task_id)],
            args=[keys.order("%s"), keys.order_status("%s"), keys.invoice("%s")],
        )

    def _reported(self, payload: bytes | None) -> TaskOutcome | None:
        """What Celery's result says, if there is one."""
        if not payload:
            return None
        meta = self._decoded(payload)
        state, result = meta.get("status", states.PENDING), meta.get("result")
        return TaskOutcome(
            state,
            result if state == states.SUCCESS else None,
            _one_line(result) if state in states.EXCEPTION_STATES else None,
        )

    def _decoded(self, payload: bytes) -> dict[str, Any]:
        # Plain JSON is read in a tenth of the time that Celery's own way takes. Left to that is
        # what kombu writes in a form of its own, such as dates, and what is compressed.
        if _REVIVED not in payload:
            with suppress(ValueError):
                return cast(dict[str, Any], pydantic_core.from_json(payload))
        return cast(dict[str, Any], self._app.backend.decode(payload))


def _task_record(fields: Mapping[str, str], work: list[Any]) -> TaskRecord:
    order_status, order_reason, processed_at, has_invoice, *notification = work
    notification_status, notification_reason, closed_at = notification
    task = fields.get("task", "")
    ended: dict[str, str | None] = {
        TaskName.PROCESS_ORDER: processed_at,
        TaskName.SEND_NOTIFICATION: closed_at,
    }
    ended_at = ended.get(task)
    return TaskRecord(
        task=task,
        timings=timings(fields),
        state=fields.get("state"),
        has_result=fields.get("has_result") != "0",
        order_id=fields.get("order_id"),
        order_status=order_status,
        order_reason=order_reason,
        has_invoice=bool(has_invoice),
        notification_status=notification_status,
        notification_reason=notification_reason,
        ended_at_ms=int(ended_at) if ended_at else None,
    )


def _one_line(error: Any) -> str:
    """`{"exc_type": "InvalidTask", "exc_message": ["..."], ...}` as `InvalidTask: ...`."""
    if not isinstance(error, dict):
        return str(error)
    message = error.get("exc_message", "")
    text = ", ".join(map(str, message)) if isinstance(message, list | tuple) else str(message)
    return f"{error.get('exc_type', 'Error')}: {text}"
