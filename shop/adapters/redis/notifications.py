"""Notifications in Redis: recorded by the API or an order's transition, delivered by tasks."""

import logging
from collections.abc import Mapping

from redis import Redis
from redis.client import NEVER_DECODE

from shop.adapters.redis import keys
from shop.adapters.redis.autopipeline import AutoPipeline
from shop.adapters.redis.client import store_errors
from shop.adapters.redis.recovery import LostWork
from shop.adapters.redis.scripts import Script, source
from shop.adapters.redis.trips import RoundTrips
from shop.domain.notification import (
    PAUSE_FIRST_S,
    PAUSE_LONGEST_S,
    RELEASED_A_SECOND,
    BegunNotification,
    InvoiceForMail,
    Notification,
    NotificationRecord,
    NotificationStatus,
)
from shop.domain.order import NO_INVOICE_REASONS, OrderStatus
from shop.domain.work import Claim, TaskName

logger = logging.getLogger(__name__)

#: What is counted for an attempt that no server answered.
NO_REPLY = "none"


class RedisNotificationIntake:
    """The API's side: asynchronous, recording."""

    def __init__(self, store: AutoPipeline, *, overdue_after_ms: int) -> None:
        self._store = store
        self._overdue_after_ms = overdue_after_ms
        self._place = Script.named("place_notification")

    async def place(self, notification: Notification, task_id: str) -> int:
        with store_errors():
            at_ms: int = await self._store.run_script(
                self._place,
                keys=[keys.notification(task_id), keys.NOTIFICATIONS_OPEN, keys.task(task_id)],
                args=[
                    task_id,
                    notification.email,
                    notification.message,
                    self._overdue_after_ms,
                    keys.TASK_TTL_S,
                    TaskName.SEND_NOTIFICATION,
                ],
            )
        return at_ms


class RedisNotificationBook:
    """The tasks' side: synchronous, delivering."""

    def __init__(
        self, client: Redis, *, overdue_after_ms: int, trips: RoundTrips | None = None
    ) -> None:
        self._client = client
        self._trips = trips or RoundTrips(client)
        self._overdue_after_ms = overdue_after_ms
        self._begin = self._trips.script(source("begin_notification"))
        self._close = self._trips.script(source("close_notification"))
        self._postpone = self._trips.script(source("postpone_notification"))
        self._defer = self._trips.script(source("defer_notification"))
        # Asked for from another thread, for deliveries of many.
        self._renew = client.register_script(source("renew_notification"))
        self._lost = LostWork(
            client,
            keys.NOTIFICATIONS_OPEN,
            keys.NOTIFICATIONS_DEAD,
            overdue_after_ms=overdue_after_ms,
        )

    def begin(
        self, notification: Notification, task_id: str, delivery_id: str, *, lease_s: float = 0.0
    ) -> BegunNotification:
        with store_errors():
            status, attempts, deferrals, order_id = self._begin(
                keys=[
                    keys.notification(task_id),
                    keys.NOTIFICATIONS_OPEN,
                    keys.MAIL_PAUSE,
                    keys.METRICS_NOTIFICATIONS,
                ],
                args=[
                    task_id,
                    notification.email,
                    notification.message,
                    delivery_id,
                    self._overdue_after_ms,
                    round(lease_s * 1000),
                    PAUSE_LONGEST_S * 1000,
                    1000 // RELEASED_A_SECOND,
                ],
            )
        return BegunNotification(status, attempts, deferrals, order_id or None)

    def renew(self, task_id: str, delivery_id: str, lease_s: float) -> bool:
        with store_errors():
            is_held = self._renew(
                keys=[keys.notification(task_id), keys.NOTIFICATIONS_OPEN],
                args=[task_id, delivery_id, self._overdue_after_ms + round(lease_s * 1000)],
            )
        return bool(is_held)

    def delivered(self, task_id: str, code: int | None = None) -> None:
        self._end(task_id, NotificationStatus.DELIVERED, "", "" if code is None else code)

    def bury(self, task_id: str, reason: str, code: int | None = None) -> None:
        self._end(task_id, NotificationStatus.FAILED, reason, "" if code is None else code)

    def postpone(self, task_id: str, delay_s: float, reason: str, code: int | None = None) -> None:
        with store_errors():
            self._postpone(
                keys=_keys_of_delay(task_id),
                args=[task_id, round(delay_s * 1000), reason, NO_REPLY if code is None else code],
            )

    def defer(
        self,
        task_id: str,
        delay_s: float,
        reason: str,
        code: int | None = None,
        *,
        slow_down: bool = False,
    ) -> None:
        with store_errors():
            self._defer(
                keys=[*_keys_of_delay(task_id), keys.MAIL_PAUSE],
                args=[
                    task_id,
                    round(delay_s * 1000),
                    reason,
                    "" if code is None else code,
                    PAUSE_FIRST_S * 1000 if slow_down else "",
                    PAUSE_LONGEST_S * 1000,
                ],
            )

    def find(self, task_id: str) -> NotificationRecord | None:
        return _record(task_id, self._fields_of([task_id])[0])

    def invoice(self, order_id: str) -> InvoiceForMail:
        with store_errors(), self._client.pipeline(transaction=False) as pipe:
            pipe.execute_command("GET", keys.invoice(order_id), **{NEVER_DECODE: True})
            pipe.get(keys.order_status(order_id))
            pipe.hget(keys.order(order_id), "reason")
            pdf, status, reason = pipe.execute()
        if status != OrderStatus.PROCESSED:
            return InvoiceForMail(None)
        return InvoiceForMail(pdf, not pdf and reason not in NO_INVOICE_REASONS)

    def claim_lost(
        self, queue: str, *, queue_is_idle: bool, limit: int, due_by_ms: int | None = None
    ) -> Claim[NotificationRecord]:
        at_ms, ids = self._lost.claim(
            queue, queue_is_idle=queue_is_idle, limit=limit, due_by_ms=due_by_ms
        )
        owed = []
        for task_id, fields in zip(ids, self._fields_of(ids) if ids else [], strict=True):
            record = _record(task_id, fields)
            if record is not None and record.status is NotificationStatus.PENDING:
                owed.append(record)
            elif record is None and fields:
                self._lost.give_up(task_id, keys.notification(task_id))
            else:
                # Somebody deleted or changed its key by hand: nothing is owed any more.
                self._lost.forget(task_id)
        return Claim(at_ms, tuple(owed), is_full=len(ids) == limit)

    def _end(self, task_id: str, status: NotificationStatus, reason: str, reply: int | str) -> None:
        with store_errors():
            self._trips.post(
                self._close.command(
                    keys=[
                        keys.notification(task_id),
                        keys.NOTIFICATIONS_OPEN,
                        keys.NOTIFICATIONS_DEAD,
                        keys.METRICS_NOTIFICATIONS,
                        keys.METRICS_DEAD,
                        keys.METRICS_MAIL,
                        keys.MAIL_PAUSE,
                    ],
                    args=[task_id, status, reason, keys.NOTIFICATION_TTL_S, reply],
                )
            )

    def _fields_of(self, task_ids: list[str]) -> list[dict[str, str]]:
        with store_errors(), self._client.pipeline(transaction=False) as pipe:
            for task_id in task_ids:
                pipe.hgetall(keys.notification(task_id))
            replies: list[dict[str, str]] = pipe.execute()
        return replies


def _keys_of_delay(task_id: str) -> list[str]:
    return [
        keys.notification(task_id),
        keys.NOTIFICATIONS_OPEN,
        keys.METRICS_NOTIFICATIONS,
        keys.METRICS_MAIL,
    ]


def _record(task_id: str, fields: Mapping[str, str]) -> NotificationRecord | None:
    """None also for what somebody damaged by hand: it must not stop the sweep."""
    if not fields:
        return None
    try:
        return NotificationRecord(
            task_id=task_id,
            email=fields["email"],
            message=fields["message"],
            status=NotificationStatus(fields["status"]),
            attempts=int(fields.get("attempts", 0)),
            reason=fields.get("reason"),
        )
    except (KeyError, ValueError) as error:
        logger.error("the record of notification %s cannot be read: %r", task_id, error)
        return None
