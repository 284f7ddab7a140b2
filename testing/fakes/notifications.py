"""Notifications in memory: `NotificationIntake` and `NotificationBook`."""

from shop.adapters.redis.keys import (
    METRICS_DEAD,
    METRICS_MAIL,
    METRICS_NOTIFICATIONS,
    NOTIFICATION_TTL_S,
    TASK_TTL_S,
)
from shop.adapters.redis.notifications import NO_REPLY
from shop.domain.notification import (
    IN_HAND,
    PAUSE_FIRST_S,
    PAUSE_LONGEST_S,
    PAUSED,
    RELEASED_A_SECOND,
    BegunNotification,
    InvoiceForMail,
    Notification,
    NotificationRecord,
    NotificationStatus,
)
from shop.domain.order import NO_INVOICE_REASONS, OrderStatus
from shop.domain.work import Claim, TaskName
from testing.fakes.lost import claim_lost
from testing.fakes.store import FakeStore, MailPause, NotificationRow, TaskRow


class FakeNotificationIntake:
    """The API's side."""

    def __init__(self, store: FakeStore, *, overdue_after_ms: int = 2_000) -> None:
        self._store = store
        self._overdue_after_ms = overdue_after_ms

    async def place(self, notification: Notification, task_id: str) -> int:
        store = self._store
        with store.step() as now_ms:
            if task_id not in store.notifications:
                store.notifications[task_id] = _row(notification)
                store.notifications_open[task_id] = now_ms + self._overdue_after_ms
                store.tasks[task_id] = TaskRow(
                    TaskName.SEND_NOTIFICATION,
                    expires_at_ms=now_ms + TASK_TTL_S * 1000,
                    enqueued_at_ms=now_ms,
                )
            return now_ms


class FakeNotificationBook:
    """The tasks' side."""

    def __init__(self, store: FakeStore, *, overdue_after_ms: int = 2_000) -> None:
        self._store = store
        self._overdue_after_ms = overdue_after_ms

    def begin(
        self, notification: Notification, task_id: str, delivery_id: str, *, lease_s: float = 0.0
    ) -> BegunNotification:
        store = self._store
        lease_ms = round(lease_s * 1000)
        with store.step() as now_ms:
            row = store.notifications.setdefault(task_id, _row(notification))
            status = row.status
            if status == NotificationStatus.PENDING:
                due_ms = store.notifications_open.get(task_id, 0)
                is_leased = due_ms > now_ms + self._overdue_after_ms
                pause = store.mail_pause
                if row.holder not in (None, delivery_id) and is_leased:
                    status = IN_HAND
                elif 0 < pause.until_ms - now_ms <= PAUSE_LONGEST_S * 1000:
                    status = PAUSED
                    if row.left != delivery_id:
                        row.left = delivery_id
                        row.holder = None
                        pause.left += 1
                        spread_ms = pause.left * 1000 // RELEASED_A_SECOND
                        store.notifications_open[task_id] = pause.until_ms + spread_ms
                        store.count(METRICS_NOTIFICATIONS, "deferred")
                else:
                    row.holder = delivery_id
                    store.notifications_open[task_id] = now_ms + self._overdue_after_ms + lease_ms
                    if row.delivery != delivery_id:
                        row.attempts += 1
                        row.delivery = delivery_id
            return BegunNotification(status, row.attempts, row.deferrals, row.order_id)

    def renew(self, task_id: str, delivery_id: str, lease_s: float) -> bool:
        store = self._store
        with store.step() as now_ms:
            row = store.notifications.get(task_id)
            if row is None or (row.status, row.holder) != ("pending", delivery_id):
                return False
            lease_ms = round(lease_s * 1000)
            store.notifications_open[task_id] = now_ms + self._overdue_after_ms + lease_ms
            return True

    def delivered(self, task_id: str, code: int | None = None) -> None:
        with self._store.step() as now_ms:
            row = self._close(task_id, NotificationStatus.DELIVERED, code)
            if row is not None:
                row.expires_at_ms = now_ms + NOTIFICATION_TTL_S * 1000
                if 0 < self._store.mail_pause.until_ms <= now_ms:
                    self._store.mail_pause = MailPause()

    def bury(self, task_id: str, reason: str, code: int | None = None) -> None:
        with self._store.step() as now_ms:
            row = self._close(task_id, NotificationStatus.FAILED, code)
            if row is not None:
                row.reason = reason
                self._store.notifications_dead[task_id] = now_ms
                self._store.count(METRICS_DEAD, "notification")

    def postpone(self, task_id: str, delay_s: float, reason: str, code: int | None = None) -> None:
        store = self._store
        with store.step() as now_ms:
            row = store.notifications.get(task_id)
            if row is not None and row.status == NotificationStatus.PENDING:
                row.reason = reason
                row.holder = None
                store.notifications_open[task_id] = now_ms + round(delay_s * 1000)
                if row.postponed_after != row.attempts:
                    row.postponed_after = row.attempts
                    store.count(METRICS_NOTIFICATIONS, "postponed")
                    store.count(METRICS_MAIL, NO_REPLY if code is None else str(code))

    def defer(
        self,
        task_id: str,
        delay_s: float,
        reason: str,
        code: int | None = None,
        *,
        slow_down: bool = False,
    ) -> None:
        store = self._store
        with store.step() as now_ms:
            row = store.notifications.get(task_id)
            if row is None or row.status != NotificationStatus.PENDING:
                return
            due_ms = now_ms + round(delay_s * 1000)
            if slow_down:
                due_ms = max(due_ms, self._pause(now_ms))
            row.reason = reason
            row.holder = None
            store.notifications_open[task_id] = due_ms
            if row.delivery is not None:
                row.delivery = None
                row.attempts -= 1
                row.deferrals += 1
                store.count(METRICS_NOTIFICATIONS, "deferred")
                if code is not None:
                    store.count(METRICS_MAIL, str(code))

    def _pause(self, now_ms: int) -> int:
        """Let all of them wait, unless they do; until when."""
        pause, longest_ms = self._store.mail_pause, PAUSE_LONGEST_S * 1000
        if not 0 < pause.until_ms - now_ms <= longest_ms:
            pause.until_ms = now_ms + min(longest_ms, PAUSE_FIRST_S * 1000 * 2**pause.in_a_row)
            pause.in_a_row += 1
            pause.left = 0
        return pause.until_ms

    def invoice(self, order_id: str) -> InvoiceForMail:
        store = self._store
        with store.step():
            order = store.orders.get(order_id)
            if order is None or order.status != OrderStatus.PROCESSED:
                return InvoiceForMail(None)
            pdf = store.invoices.get(order_id)
            is_given_up = order.reason in NO_INVOICE_REASONS
            return InvoiceForMail(pdf, not pdf and not is_given_up)

    def find(self, task_id: str) -> NotificationRecord | None:
        with self._store.step():
            return self._record(task_id)

    def claim_lost(
        self, queue: str, *, queue_is_idle: bool, limit: int, due_by_ms: int | None = None
    ) -> Claim[NotificationRecord]:
        store = self._store
        with store.step() as now_ms:
            ids = claim_lost(
                store,
                "notifications",
                store.watermarks.get(queue, 0),
                now_ms,
                queue_is_idle=queue_is_idle,
                overdue_after_ms=self._overdue_after_ms,
                limit=limit,
                due_by_ms=due_by_ms,
            )
            records = []
            for task_id in ids:
                record = self._record(task_id)
                if record is not None and record.status is NotificationStatus.PENDING:
                    records.append(record)
                else:
                    del store.notifications_open[task_id]
            return Claim(now_ms, tuple(records), is_full=len(ids) == limit)

    def _close(
        self, task_id: str, status: NotificationStatus, code: int | None
    ) -> NotificationRow | None:
        """The row if this call closed it."""
        row = self._store.notifications.get(task_id)
        self._store.notifications_open.pop(task_id, None)
        if row is None or row.status != NotificationStatus.PENDING:
            return None
        row.status = status
        row.closed_at_ms = self._store.clock.now_ms
        self._store.count(METRICS_NOTIFICATIONS, status.value)
        if code is not None:
            self._store.count(METRICS_MAIL, str(code))
        return row

    def _record(self, task_id: str) -> NotificationRecord | None:
        row = self._store.notifications.get(task_id)
        if row is None:
            return None
        return NotificationRecord(
            task_id=task_id,
            email=row.email,
            message=row.message,
            status=NotificationStatus(row.status),
            attempts=row.attempts,
            reason=row.reason,
        )


def _row(notification: Notification) -> NotificationRow:
    return NotificationRow(notification.email, notification.message)
