"""Orders: placed by the API, processed by a task."""

import logging
from dataclasses import dataclass
from uuid import uuid4

from shop.domain.errors import PublishFailed, UnknownOrder
from shop.domain.order import (
    FollowUps,
    Order,
    OrderRecord,
    OrderStatus,
    Placement,
    Reason,
    Settlement,
    order_notices,
)
from shop.domain.ports import AsyncPublisher, OrderBook, OrderIntake, Publisher, Warehouse
from shop.domain.work import Job, TaskName

logger = logging.getLogger(__name__)

#: Items without a price that are remembered as named.
_NAMED_ITEMS = 10_000


class OrderDesk:
    """Takes orders in and tells where they stand."""

    def __init__(self, orders: OrderIntake, publisher: AsyncPublisher) -> None:
        self._orders = orders
        self._publisher = publisher

    async def place(self, order: Order) -> Placement:
        """Record `order`, then publish its processing.

        Raises `OrderConflict`, `BacklogFull` or `StoreUnavailable`; then nothing is queued.
        A failed publication is no error: the order stands, and the sweep publishes it.
        """
        placement = await self._orders.place(order, str(uuid4()))
        if placement.created:
            try:
                await self._publisher.publish(
                    process_order_job(order, placement.task_id, placement.enqueued_at_ms)
                )
            except PublishFailed as error:
                logger.warning("order %s is recorded, not published: %s", order.id, error)
        return placement

    async def find(self, order_id: str) -> OrderRecord | None:
        return await self._orders.find(order_id)

    async def invoice(self, order_id: str) -> bytes | None:
        return await self._orders.invoice(order_id)


@dataclass(frozen=True, slots=True)
class Processed:
    """What became of an order."""

    status: str
    reason: str | None = None


class OrderProcessor:
    """Moves an order from `pending` to `processed` or `failed`, exactly once."""

    def __init__(
        self,
        orders: OrderBook,
        warehouse: Warehouse,
        publisher: Publisher,
        *,
        max_attempts: int,
        notify: bool,
    ) -> None:
        self._orders = orders
        self._warehouse = warehouse
        self._publisher = publisher
        self._max_attempts = max_attempts
        self._notify = notify
        #: Items that the log has named.
        self._priceless: set[str] = set()

    def process(self, order: Order, task_id: str, delivery_id: str) -> Processed:
        """Process `order`, however often it is delivered.

        Raises `OrderConflict`, `StoreUnavailable`; after the latter the sweep sends it again.
        """
        notices = order_notices(order)
        follow_ups = FollowUps(
            invoice_task_id=str(uuid4()),
            notification_task_id=str(uuid4()) if self._notify else None,
            notices=notices,
        )
        preparation_s = self._warehouse.max_preparation_s
        if preparation_s:
            begun = self._orders.begin(order, task_id, delivery_id, lease_s=preparation_s)
            if begun.is_exhausted(self._max_attempts):
                return self._give_up(order)
            if begun.status == OrderStatus.PENDING:
                self._warehouse.prepare(order)
            settlement = self._orders.settle(order.id, order.item, follow_ups)
        else:
            settled = self._orders.begin_and_settle(
                order, task_id, delivery_id, follow_ups, max_attempts=self._max_attempts
            )
            if settled is None:
                return self._give_up(order)
            settlement = settled
        logger.info("order %s is %s", order.id, settlement.reason or settlement.status)
        self._name_priceless(order, settlement)
        if settlement.invoice_task_id:
            self._publish(generate_invoice_job(order, settlement.invoice_task_id, settlement.at_ms))
        if settlement.notification_task_id:
            notice = notices.for_outcome(settlement.status, settlement.reason)
            self._publish(
                Job(
                    TaskName.SEND_NOTIFICATION,
                    (order.email, notice),
                    settlement.notification_task_id,
                    settlement.at_ms,
                )
            )
        return Processed(settlement.status, settlement.reason)

    def _name_priceless(self, order: Order, settlement: Settlement) -> None:
        """Say once of each item that it has no price: a flood of its orders need not."""
        is_priceless = settlement.reason == Reason.NO_PRICE or (
            settlement.status is OrderStatus.PROCESSED and settlement.unit_price_minor is None
        )
        if is_priceless and order.item not in self._priceless:
            if len(self._priceless) >= _NAMED_ITEMS:
                self._priceless.clear()
            self._priceless.add(order.item)
            logger.warning("item %s has no price: order %s", order.item, order.id)

    def _give_up(self, order: Order) -> Processed:
        self._orders.bury(order.id, Reason.ATTEMPTS_EXHAUSTED)
        logger.error("order %s is given up after %d attempts", order.id, self._max_attempts)
        record = self._orders.find(order.id)
        if record is None:
            raise UnknownOrder(order.id)
        # Not what was meant, but what is: another delivery may have come to its end.
        return Processed(record.status, record.reason)

    def retry(self, order_id: str) -> OrderRecord:
        """Take a failed or dead order up again. Raises `UnknownOrder`, `OrderNotRetriable`."""
        claim = self._orders.revive(order_id)
        (record,) = claim.records
        if job := owed_job(record, claim.at_ms):
            self._publish(job)
        return record

    def _publish(self, job: Job) -> None:
        try:
            self._publisher.publish(job)
        except PublishFailed as error:
            logger.warning("%s %s is left to the sweep: %s", job.task, job.task_id, error)


def process_order_job(order: Order, task_id: str, enqueued_at_ms: int) -> Job:
    return Job(
        TaskName.PROCESS_ORDER,
        (order.id, order.item, order.qty, order.email),
        task_id,
        enqueued_at_ms,
    )


def generate_invoice_job(order: Order, task_id: str, enqueued_at_ms: int) -> Job:
    data = {"item": order.item, "qty": order.qty, "email": order.email}
    return Job(TaskName.GENERATE_INVOICE, (order.id, data), task_id, enqueued_at_ms)


def owed_job(record: OrderRecord, enqueued_at_ms: int) -> Job | None:
    """The message for what is still owed for an order."""
    # The record was valid when it was made; an address need not be parsed again.
    order = Order.model_construct(
        id=record.order_id, item=record.item, qty=record.qty, email=record.email
    )
    match record.owed:
        case TaskName.PROCESS_ORDER:
            return process_order_job(order, record.message_id or record.task_id, enqueued_at_ms)
        case TaskName.GENERATE_INVOICE:
            task_id = record.invoice_task_id or str(uuid4())
            return generate_invoice_job(order, task_id, enqueued_at_ms)
        case _:
            return None
