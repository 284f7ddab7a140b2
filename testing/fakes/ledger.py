"""Every task's stamps in memory: `TaskLedger`, and `TaskLookup` that reads them back."""

from shop.adapters.redis.keys import METRICS_TASKS, TASK_TTL_S
from shop.domain.task_state import TaskOutcome, TaskRecord, TaskState
from shop.domain.work import Delivery, TaskName, TaskReport, Timings
from testing.fakes.store import FakeStore, TaskRow


class FakeTaskLedger:
    """The tasks' side."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def started(self, delivery: Delivery) -> None:
        store = self._store
        with store.step() as now_ms:
            row = _row(store, delivery.task_id, delivery.task, now_ms)
            row.received_at_ms = now_ms - delivery.age_ms
            row.started_at_ms = now_ms
            row.finished_at_ms = None
            stamp = delivery.enqueued_at_ms
            if stamp is not None and 0 <= stamp <= now_ms:
                if row.first_enqueued_at_ms is None:
                    issued_at_ms = row.enqueued_at_ms
                    row.first_enqueued_at_ms = stamp if issued_at_ms is None else issued_at_ms
                row.enqueued_at_ms = stamp
                queue = delivery.queue
                store.watermarks[queue] = max(stamp, store.watermarks.get(queue, 0))
            if row.delivery != delivery.delivery_id:
                row.delivery = delivery.delivery_id
                row.deliveries += 1
                if row.deliveries > 1:
                    store.count(METRICS_TASKS, f"redelivered:{delivery.task}")
                if stamp is not None and 0 <= stamp <= now_ms:
                    store.observe(f"wait:{delivery.task}", now_ms - stamp)

    def finished(self, task_id: str, *, failed: bool = False, has_result: bool = True) -> None:
        with self._store.step() as now_ms:
            row = _row(self._store, task_id, None, now_ms)
            if row.started_at_ms is not None and row.finished_at_ms is None:
                self._store.observe(f"run:{row.task}", now_ms - row.started_at_ms)
            row.finished_at_ms = now_ms
            row.state = TaskState.FAILURE if failed else TaskState.SUCCESS
            row.has_result = has_result

    def begun(self, task: str, task_id: str, delivery_id: str) -> int:
        with self._store.step() as now_ms:
            return attempt(self._store, task, task_id, delivery_id, now_ms)

    def ended(self, task_id: str) -> None:
        with self._store.step():
            row = self._store.tasks.get(task_id)
            if row is not None:
                row.attempt, row.attempts = None, 0


class FakeTaskLookup:
    """The API's side; the store's `results` stand in for Celery's result backend."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    async def find(self, task_id: str) -> TaskReport | None:
        with self._store.step() as now_ms:
            row = self._store.tasks.get(task_id)
            if row is None:
                return None
            work = _task_record(self._store, task_id, row)
            result = self._store.results.get(task_id)
            reported = None
            if result is not None:
                reported = TaskOutcome(result.state, result.result, result.error)
            outcome, stamps = work.outcome(reported, now_ms)
            return TaskReport(
                task_id, row.task, outcome.state, outcome.result, outcome.error, stamps
            )


def _task_record(store: FakeStore, task_id: str, row: TaskRow) -> TaskRecord:
    order = store.orders.get(row.order_id or "")
    notification = store.notifications.get(task_id)
    ended: dict[str, int | None] = {
        TaskName.PROCESS_ORDER: order.processed_at_ms if order else None,
        TaskName.SEND_NOTIFICATION: notification.closed_at_ms if notification else None,
    }
    return TaskRecord(
        task=row.task,
        timings=Timings(
            first_enqueued_at_ms=row.enqueued_at_ms
            if row.first_enqueued_at_ms is None
            else row.first_enqueued_at_ms,
            enqueued_at_ms=row.enqueued_at_ms,
            received_at_ms=row.received_at_ms,
            started_at_ms=row.started_at_ms,
            finished_at_ms=row.finished_at_ms,
            deliveries=row.deliveries,
        ),
        state=row.state,
        has_result=row.has_result,
        order_id=row.order_id,
        order_status=order.status if order else None,
        order_reason=order.reason if order else None,
        has_invoice=row.order_id in store.invoices,
        notification_status=notification.status if notification else None,
        notification_reason=notification.reason if notification else None,
        ended_at_ms=ended.get(row.task),
    )


def attempt(store: FakeStore, task: str, task_id: str, delivery_id: str, now_ms: int) -> int:
    """The rule of `begin_task.lua`: how many attempts there were, this one included."""
    row = _row(store, task_id, task, now_ms)
    if row.attempt != delivery_id:
        row.attempt = delivery_id
        row.attempts += 1
    return row.attempts


def _row(store: FakeStore, task_id: str, task: str | None, now_ms: int) -> TaskRow:
    expires_at_ms = now_ms + TASK_TTL_S * 1000
    row = store.tasks.setdefault(task_id, TaskRow("", expires_at_ms))
    row.task = row.task if task is None else task
    row.expires_at_ms = expires_at_ms
    return row
