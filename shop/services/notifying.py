"""Notifications: recorded by the API, delivered by a task."""

import logging
import random
from uuid import uuid4

from shop.domain.errors import DeliveryFailed, PublishFailed
from shop.domain.notification import IN_HAND, Notification, NotificationStatus
from shop.domain.ports import AsyncPublisher, Mailer, NotificationBook, NotificationIntake
from shop.domain.work import Job, TaskName

logger = logging.getLogger(__name__)

#: A mail server may be away for an hour: 2, 4, 8 ... 600 s apart come to about that.
MAX_ATTEMPTS = 14
BACKOFF_BASE_S = 2.0
BACKOFF_CAP_S = 600.0


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

    def __init__(self, notifications: NotificationBook, mailer: Mailer) -> None:
        self._notifications = notifications
        self._mailer = mailer

    def deliver(
        self, notification: Notification, task_id: str, delivery_id: str
    ) -> NotificationStatus | None:
        """Where the notification stands afterwards; `PENDING` when it is to be tried again.

        None while another delivery of it is under way: should that not come to an end, the sweep
        sends it again.
        """
        begun = self._notifications.begin(
            notification, task_id, delivery_id, lease_s=self._mailer.max_delivery_s
        )
        if begun.status == IN_HAND:
            logger.info("notification %s is in another's hand", task_id)
            return None
        if begun.status != NotificationStatus.PENDING:
            return NotificationStatus(begun.status)
        if begun.attempts > MAX_ATTEMPTS:
            return self._give_up(task_id, "its delivery never came to an end")
        try:
            self._mailer.deliver(notification)
        except DeliveryFailed as error:
            if begun.attempts == MAX_ATTEMPTS:
                return self._give_up(task_id, str(error))
            delay_s = backoff_s(begun.attempts)
            self._notifications.postpone(task_id, delay_s, str(error))
            logger.warning("notification %s again in %.0f s: %s", task_id, delay_s, error)
            return NotificationStatus.PENDING
        self._notifications.delivered(task_id)
        return NotificationStatus.DELIVERED

    def _give_up(self, task_id: str, reason: str) -> NotificationStatus:
        self._notifications.bury(task_id, reason)
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
