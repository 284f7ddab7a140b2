"""Notifications: recorded by the API, delivered by a task."""

import logging
import random
from contextlib import nullcontext
from uuid import uuid4

from shop.domain.errors import (
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryRefused,
    PublishFailed,
    SenderRefused,
)
from shop.domain.notification import (
    IN_HAND,
    PAUSED,
    BegunNotification,
    InvoiceForMail,
    Mail,
    Notification,
    NotificationStatus,
)
from shop.domain.ports import AsyncPublisher, Mailer, NotificationBook, NotificationIntake
from shop.domain.work import Job, TaskName
from shop.services.leases import LeaseRenewer

logger = logging.getLogger(__name__)

#: A mail server may be away for an hour: 2, 4, 8 ... 600 s apart come to about that.
MAX_ATTEMPTS = 14
BACKOFF_BASE_S = 2.0
BACKOFF_CAP_S = 600.0
#: What says nothing of a notification may come between for longer, about a day: a provider's daily
#: limit, or a password that is wrong until somebody sees it.
MAX_DEFERRALS = 150
#: How often, 1, 2, 4 ... 32 s apart, a mail waits for its order's invoice. Behind a long queue of
#: orders the customer hears within about a minute all the same, without it.
INVOICE_LOOKS = 6
INVOICE_FIRST_S = 1.0


class NotificationDesk:
    """Takes notifications in."""

    def __init__(self, notifications: NotificationIntake, publisher: AsyncPublisher) -> None:
        self._notifications = notifications
        self._publisher = publisher

    async def send(self, notification: Notification) -> str:
        """Record `notification`, then publish its delivery; returns the task's id.

        Raises `StoreUnavailable`; then nothing is queued.
        """
        task_id = str(uuid4())
        at_ms = await self._notifications.place(notification, task_id)
        try:
            await self._publisher.publish(notification_job(notification, task_id, at_ms))
        except PublishFailed as error:
            logger.warning("notification %s is recorded, not published: %s", task_id, error)
        return task_id


class Notifier:
    """Delivers a notification: at least once, and normally once."""

    def __init__(
        self, notifications: NotificationBook, mailer: Mailer, *, attach_invoices: bool = False
    ) -> None:
        self._notifications = notifications
        self._mailer = mailer
        self._attach_invoices = attach_invoices
        self._leases = LeaseRenewer(
            lambda task_id, delivery_id: notifications.renew(task_id, delivery_id, mailer.lease_s)
        )

    def deliver(
        self, notification: Notification, task_id: str, delivery_id: str
    ) -> NotificationStatus | None:
        """Where the notification stands afterwards; `PENDING` when its delivery failed for now.

        None where this delivery has nothing to say: another one is under way, or it was left for
        later untried. The sweep sends it again.
        """
        begun = self._notifications.begin(
            notification, task_id, delivery_id, lease_s=self._mailer.lease_s
        )
        if begun.status in (IN_HAND, PAUSED):
            logger.info("notification %s is %s", task_id, begun.status.replace("_", " "))
            return None
        if begun.status != NotificationStatus.PENDING:
            return NotificationStatus(begun.status)
        if begun.attempts > MAX_ATTEMPTS:
            return self._give_up(task_id, "its delivery never came to an end")
        invoice = self._invoice(begun)
        if invoice.is_owed and begun.deferrals < INVOICE_LOOKS:
            delay_s = INVOICE_FIRST_S * 2.0**begun.deferrals
            self._notifications.defer(task_id, delay_s, "its invoice is not there yet")
            return None
        mail = Mail(task_id, notification.email, notification.message, begun.order_id, invoice.pdf)
        try:
            # Without a lease there is nothing to renew, and no thread for it.
            is_leased = self._mailer.lease_s > 0
            with self._leases.holding(task_id, delivery_id) if is_leased else nullcontext():
                code = self._mailer.deliver(mail)
        except DeliveryFailed as error:
            return self._failed(task_id, begun, error)
        self._notifications.delivered(task_id, code)
        return NotificationStatus.DELIVERED

    def _invoice(self, begun: BegunNotification) -> InvoiceForMail:
        if not self._attach_invoices or begun.order_id is None:
            return InvoiceForMail(None)
        return self._notifications.invoice(begun.order_id)

    def _failed(
        self, task_id: str, begun: BegunNotification, error: DeliveryFailed
    ) -> NotificationStatus:
        reason, code = str(error), error.code
        if isinstance(error, DeliveryRefused) or begun.attempts >= MAX_ATTEMPTS:
            return self._give_up(task_id, reason, code)
        if isinstance(error, DeliveryDeferred):
            if begun.deferrals >= MAX_DEFERRALS:
                return self._give_up(task_id, reason, code)
            delay_s = backoff_s(begun.deferrals + 1)
            self._notifications.defer(
                task_id, delay_s, reason, code, slow_down=isinstance(error, SenderRefused)
            )
        else:
            delay_s = backoff_s(begun.attempts)
            self._notifications.postpone(task_id, delay_s, reason, code)
        logger.warning("notification %s again in %.0f s: %s", task_id, delay_s, reason)
        return NotificationStatus.PENDING

    def _give_up(self, task_id: str, reason: str, code: int | None = None) -> NotificationStatus:
        self._notifications.bury(task_id, reason, code)
        logger.error("notification %s is given up: %s", task_id, reason)
        return NotificationStatus.FAILED


def notification_job(notification: Notification, task_id: str, enqueued_at_ms: int) -> Job:
    return Job(
        TaskName.SEND_NOTIFICATION,
        (notification.email, notification.message),
        task_id,
        enqueued_at_ms,
    )


def backoff_s(attempt: int) -> float:
    """How long to wait after attempt number `attempt` (from 1): exponential, half of it jitter."""
    ceiling = min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2.0 ** (attempt - 1))
    return ceiling * random.uniform(0.5, 1.0)  # noqa: S311  (jitter is no secret)
