"""The sweep: finds accepted work whose message was lost, and sends it again."""

import logging
from collections import Counter

from shop.domain.ports import NotificationBook, OrderBook, Publisher
from shop.domain.work import Job, TaskName
from shop.services.ordering import owed_job

logger = logging.getLogger(__name__)

#: Claimed and sent at a time; small enough that a sweep that dies has claimed little.
BATCH = 200


#: How many messages a sweep sent again, by task.
Swept = Counter[TaskName]


class Sweep:
    """Safe to run at any time, anywhere, and several at once: what one claims, no other sends."""

    def __init__(
        self, orders: OrderBook, notifications: NotificationBook, publisher: Publisher
    ) -> None:
        self._orders = orders
        self._notifications = notifications
        self._publisher = publisher

    def run(self) -> Swept:
        """Raises `StoreUnavailable` or `PublishFailed`; what was claimed is overdue again later."""
        swept: Swept = Counter()
        self._sweep_orders(swept)
        self._sweep_notifications(swept)
        if swept:
            logger.warning(
                "sent again: %d orders, %d invoices, %d notifications",
                swept[TaskName.PROCESS_ORDER],
                swept[TaskName.GENERATE_INVOICE],
                swept[TaskName.SEND_NOTIFICATION],
            )
        return swept

    def _sweep_orders(self, swept: Swept) -> None:
        # Invoices wait in the same queue as the orders that they belong to.
        queue = self._publisher.queue_of(TaskName.PROCESS_ORDER)
        idle = self._publisher.is_idle(queue)
        while True:
            claim = self._orders.claim_lost(queue, queue_is_idle=idle, limit=BATCH)
            for record in claim.records:
                if job := owed_job(record, claim.at_ms):
                    self._send(job, swept)
            if len(claim.records) < BATCH:
                return

    def _sweep_notifications(self, swept: Swept) -> None:
        queue = self._publisher.queue_of(TaskName.SEND_NOTIFICATION)
        idle = self._publisher.is_idle(queue)
        while True:
            claim = self._notifications.claim_lost(queue, queue_is_idle=idle, limit=BATCH)
            for record in claim.records:
                job = Job(
                    TaskName.SEND_NOTIFICATION,
                    (record.email, record.message),
                    record.task_id,
                    claim.at_ms,
                )
                self._send(job, swept)
            if len(claim.records) < BATCH:
                return

    def _send(self, job: Job, swept: Swept) -> None:
        self._publisher.publish(job)
        swept[job.task] += 1
