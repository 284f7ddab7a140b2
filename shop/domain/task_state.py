"""What a task's state is: where the store has a record of its work, the record decides.

Celery's result is written after the record, and may be lost on the way, or come late from an
earlier run of the same task. It decides only where there is no record.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from shop.domain.notification import NotificationStatus
from shop.domain.order import OrderStatus, Reason
from shop.domain.work import TaskName, Timings

#: A task's last stamp and its result follow its record; after so long, milliseconds, they are lost.
RESULT_WITHIN_MS = 2_000


class TaskState(StrEnum):
    """Celery's states, as far as the shop's tasks have them."""

    #: Queued, or running.
    PENDING = "PENDING"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    #: A delivery failed, and is tried again.
    RETRY = "RETRY"
    #: An operator revoked it; nothing follows unless the work is retried.
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """A task's state with what it returned or raised."""

    state: str
    result: Any = None
    #: One line.
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """What the store knows of a task and of the work that it is about, at one moment."""

    task: str
    timings: Timings
    #: How the task ended, stamped with its end.
    state: str | None = None
    #: False where the client asked for no result.
    has_result: bool = True
    #: The order that the task is about; None if that is not known.
    order_id: str | None = None
    order_status: str | None = None
    order_reason: str | None = None
    has_invoice: bool = False
    notification_status: str | None = None
    notification_reason: str | None = None
    #: When the work came to its end, milliseconds by the store's clock; None for an invoice.
    ended_at_ms: int | None = None

    def outcome(self, reported: TaskOutcome | None, now_ms: int) -> tuple[TaskOutcome, Timings]:
        """The state, and the stamps completed; `reported` is Celery's result, if there is one."""
        recorded = self._by_work()
        if recorded is None:
            return reported or self._by_stamps(now_ms), self.timings
        if recorded is REVOKED:
            # It may never have been started: there is no stamp to wait for.
            return recorded, self.timings
        if recorded.state == TaskState.PENDING:
            is_retried = reported is not None and reported.state == TaskState.RETRY
            return (reported if reported and is_retried else recorded), self.timings
        return self._with_last_stamp(recorded, now_ms)

    def _by_work(self) -> TaskOutcome | None:
        """None where no record decides."""
        match self.task:
            case TaskName.PROCESS_ORDER if self.order_id is not None:
                return self._of_order()
            case TaskName.GENERATE_INVOICE if self.order_id is not None:
                return self._of_invoice()
            case TaskName.SEND_NOTIFICATION if self.notification_status is not None:
                return self._of_notification(self.notification_status)
            case _:
                return None

    def _of_order(self) -> TaskOutcome:
        if self.order_status in (None, OrderStatus.PENDING):
            return PENDING
        if self.order_status == OrderStatus.FAILED and self.order_reason == Reason.REVOKED:
            return REVOKED
        # A processed order may carry the reason why its invoice was given up.
        reason = self.order_reason if self.order_status == OrderStatus.FAILED else None
        result = {"order_id": self.order_id, "status": self.order_status, "reason": reason}
        return TaskOutcome(TaskState.SUCCESS, result)

    def _of_invoice(self) -> TaskOutcome | None:
        if self.has_invoice or self.order_reason == Reason.INVOICE_ATTEMPTS_EXHAUSTED:
            result = {"order_id": self.order_id, "made": self.has_invoice}
            return TaskOutcome(TaskState.SUCCESS, result)
        if self.order_status != OrderStatus.PROCESSED:
            return None
        return REVOKED if self.order_reason == Reason.REVOKED else PENDING

    def _of_notification(self, status: str) -> TaskOutcome:
        if status == NotificationStatus.PENDING:
            return PENDING
        if status == NotificationStatus.FAILED and self.notification_reason == Reason.REVOKED:
            return REVOKED
        return TaskOutcome(TaskState.SUCCESS, {"status": status})

    def _by_stamps(self, now_ms: int) -> TaskOutcome:
        """Where there is no record and no result: that was not kept, or was lost."""
        finished_at_ms = self.timings.finished_at_ms
        if finished_at_ms is None or self.state is None:
            return PENDING
        if self.has_result and now_ms - finished_at_ms <= RESULT_WITHIN_MS:
            return PENDING
        is_failure = self.state == TaskState.FAILURE
        return TaskOutcome(self.state, error="its result was not kept" if is_failure else None)

    def _with_last_stamp(self, outcome: TaskOutcome, now_ms: int) -> tuple[TaskOutcome, Timings]:
        """A task is ready together with its last stamp, unless that was lost."""
        timings = self.timings
        if timings.finished_at_ms is not None:
            return outcome, timings
        begun_ms = timings.started_at_ms or timings.enqueued_at_ms or 0
        # A redelivery takes the stamp away for a while; the work ended long before.
        ended_ms = self.ended_at_ms or begun_ms
        if now_ms - ended_ms <= RESULT_WITHIN_MS:
            return PENDING, timings
        return outcome, replace(timings, finished_at_ms=max(begun_ms, ended_ms))


PENDING = TaskOutcome(TaskState.PENDING)
#: In the words of Celery's own result.
REVOKED = TaskOutcome(TaskState.REVOKED, error="TaskRevokedError: revoked")
