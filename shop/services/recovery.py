"""The sweep: finds accepted work whose message was lost, and sends it again."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from shop.domain.notification import NotificationRecord
from shop.domain.ports import NotificationBook, OrderBook, Publisher
from shop.domain.work import Job, TaskName
from shop.services.ordering import owed_job

logger = logging.getLogger(__name__)

#: Claimed and sent at a time; small enough that a sweep that dies has claimed little.
BATCH = 200


#: How many messages a sweep sent again, by task.
Swept = Counter[TaskName]


def _always() -> bool:
    return True


def _never(_queue: str) -> bool:
    return False


class Sweep:
    """Safe to run at any time, anywhere, and several at once: what one claims, no other sends."""

    def __init__(
        self,
        orders: OrderBook,
        notifications: NotificationBook,
        publisher: Publisher,
        *,
        is_restrained: Callable[[str], bool] = _never,
    ) -> None:
        """`is_restrained` says of a queue whether an operator has its workers hold messages back.

        What they hold is no longer in the queue, and not lost though that is empty.
        """
        self._orders = orders
        self._notifications = notifications
        self._publisher = publisher
        self._is_restrained = is_restrained

    def run(self, may_go_on: Callable[[], bool] = _always) -> Swept:
        """Send what is lost now, each piece once; `may_go_on` is asked after each of them.

        Raises `StoreUnavailable` or `PublishFailed`. What was claimed and not sent is overdue
        again later.
        """
        swept: Swept = Counter()
        for job in self._lost():
            self._publisher.publish(job)
            swept[job.task] += 1
            if not may_go_on():
                break
        if swept:
            logger.warning(
                "sent again: %d orders, %d invoices, %d notifications",
                swept[TaskName.PROCESS_ORDER],
                swept[TaskName.GENERATE_INVOICE],
                swept[TaskName.SEND_NOTIFICATION],
            )
        return swept

    def _lost(self) -> Iterator[Job]:
        # Invoices wait in the same queue as the orders that they belong to.
        for at_ms, order in self._claimed(self._orders, TaskName.PROCESS_ORDER):
            if job := owed_job(order, at_ms):
                yield job
        for at_ms, notice in self._claimed(self._notifications, TaskName.SEND_NOTIFICATION):
            yield _notification_job(notice, at_ms)

    def _claimed(
        self, book: OrderBook | NotificationBook, task: TaskName
    ) -> Iterator[tuple[int, Any]]:
        queue = self._publisher.queue_of(task)
        # Asked once: what the sweep itself has sent says nothing of what was overdue before. And
        # only that is claimed, for in a long sweep the first of it is overdue again before the last
        # is sent.
        idle = self._publisher.is_idle(queue) and not self._is_restrained(queue)
        due_by_ms = None
        while True:
            claim = book.claim_lost(queue, queue_is_idle=idle, limit=BATCH, due_by_ms=due_by_ms)
            due_by_ms = claim.at_ms if due_by_ms is None else due_by_ms
            for record in claim.records:
                yield claim.at_ms, record
            if not claim.is_full:
                return


def _notification_job(record: NotificationRecord, enqueued_at_ms: int) -> Job:
    return Job(
        TaskName.SEND_NOTIFICATION,
        (record.email, record.message),
        record.task_id,
        enqueued_at_ms,
    )
