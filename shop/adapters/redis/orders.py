"""Orders in Redis, as the tasks move them on: synchronous, processing and invoicing."""

import logging
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from redis import Redis

from shop.adapters.redis import keys
from shop.adapters.redis.client import store_errors
from shop.adapters.redis.order_records import content, questions, readable_record, record_told
from shop.adapters.redis.recovery import LostWork
from shop.adapters.redis.results import Results, database, result_key
from shop.adapters.redis.scripts import source
from shop.adapters.redis.trips import RoundTrips
from shop.domain.errors import (
    OrderConflict,
    OrderNotProcessed,
    OrderNotRetriable,
    UnknownOrder,
    UnreadableOrder,
)
from shop.domain.order import (
    USUAL_TERMS,
    Begun,
    FollowUps,
    Order,
    OrderRecord,
    OrderStatus,
    Reason,
    Settlement,
    Terms,
)
from shop.domain.work import Claim, TaskName

logger = logging.getLogger(__name__)


class RedisOrderBook:
    """Every change is one script that checks the state it leaves."""

    def __init__(
        self,
        client: Redis,
        *,
        overdue_after_ms: int,
        terms: Terms = USUAL_TERMS,
        trips: RoundTrips | None = None,
        results: Results | None = None,
    ) -> None:
        self._terms = terms
        self._zone = ZoneInfo(terms.timezone)
        self._client = client
        self._results = results
        self._trips = trips or RoundTrips(client)
        self._overdue_after_ms = overdue_after_ms
        self._begin = self._trips.script(source("begin_order"))
        self._settle = self._trips.script(source("settle_order"))
        self._begin_and_settle = self._trips.script(source("begin_and_settle"))
        self._begin_invoice = self._trips.script(source("begin_invoice"))
        self._store_invoice = self._trips.script(source("store_invoice"))
        self._bury = self._trips.script(source("bury_order"))
        self._revive = self._trips.script(source("revive_order"))
        self._lost = LostWork(
            client, keys.ORDERS_OPEN, keys.ORDERS_DEAD, overdue_after_ms=overdue_after_ms
        )

    def begin(self, order: Order, task_id: str, delivery_id: str, *, lease_s: float = 0.0) -> Begun:
        with store_errors():
            reply = self._begin(**self._beginning(order, task_id, delivery_id, lease_s))
        return _begun(order.id, reply)

    def settle(self, order_id: str, item: str, follow_ups: FollowUps) -> Settlement:
        with store_errors():
            reply = self._settle(**self._settling(order_id, item, follow_ups))
        return _settlement(order_id, reply)

    def begin_and_settle(
        self,
        order: Order,
        task_id: str,
        delivery_id: str,
        follow_ups: FollowUps,
        *,
        max_attempts: int,
    ) -> Settlement | None:
        begin = self._beginning(order, task_id, delivery_id)
        settle = self._settling(order.id, order.item, follow_ups)
        parts = len(begin["keys"]), len(begin["args"])
        with store_errors():
            begun, *settled = self._begin_and_settle(
                keys=[*begin["keys"], *settle["keys"]],
                args=[max_attempts, *parts, *begin["args"], *settle["args"]],
            )
        # Raises if this is another order of the same id.
        _begun(order.id, begun)
        return _settlement(order.id, settled[0]) if settled else None

    def _beginning(
        self, order: Order, task_id: str, delivery_id: str, lease_s: float = 0.0
    ) -> dict[str, list[Any]]:
        due_after_ms = self._overdue_after_ms + round(lease_s * 1000)
        return {
            "keys": [
                keys.order(order.id),
                keys.order_status(order.id),
                keys.ORDERS_OPEN,
                keys.invoice(order.id),
                keys.METRICS_ORDERS,
                keys.task(task_id),
            ],
            "args": [
                *content(order),
                task_id,
                delivery_id,
                due_after_ms,
                self._terms.currency,
            ],
        }

    def _settling(self, order_id: str, item: str, follow_ups: FollowUps) -> dict[str, list[Any]]:
        notification_id = follow_ups.notification_task_id or ""
        notices = follow_ups.notices
        return {
            "keys": [
                keys.order(order_id),
                keys.order_status(order_id),
                keys.ORDERS_OPEN,
                keys.stock(item),
                keys.price(item),
                keys.notification(notification_id),
                keys.NOTIFICATIONS_OPEN,
                keys.ORDERS_DEAD,
                keys.task(follow_ups.invoice_task_id),
                keys.task(notification_id),
                keys.METRICS_ORDERS,
                keys.AUDIT_INITIAL,
                keys.AUDIT_SOLD,
                keys.METRICS_PRICELESS,
                keys.INVOICES_NUMBERED,
            ],
            "args": [
                order_id,
                self._overdue_after_ms,
                follow_ups.invoice_task_id,
                notification_id,
                notices.processed,
                notices.unknown_item,
                notices.out_of_stock,
                TaskName.GENERATE_INVOICE,
                TaskName.SEND_NOTIFICATION,
                keys.TASK_TTL_S,
                item,
                notices.no_price,
                self._terms.priceless,
                self._terms.currency,
                self._ahead_of_utc_ms(),
            ],
        }

    def _ahead_of_utc_ms(self) -> int:
        """Of local time: an interval, for which this machine's clock will do."""
        ahead = datetime.now(UTC).astimezone(self._zone).utcoffset()
        return 0 if ahead is None else round(ahead.total_seconds() * 1000)

    def begin_invoice(self, order_id: str, task_id: str, delivery_id: str) -> Begun:
        begin = self._begin_invoice.command(
            keys=[
                keys.order(order_id),
                keys.order_status(order_id),
                keys.ORDERS_OPEN,
                keys.invoice(order_id),
                keys.task(task_id),
            ],
            args=[
                order_id,
                delivery_id,
                self._overdue_after_ms,
                TaskName.GENERATE_INVOICE,
                keys.TASK_TTL_S,
            ],
        )
        with store_errors():
            # What an invoice says comes with the same round trip.
            (status, attempts), *found = self._trips.ask(begin, *questions(order_id))
        return Begun(status, attempts, readable_record(order_id, found))

    def store_invoice(self, order_id: str, pdf: bytes) -> bool:
        with store_errors():
            outcome, *rest = self._store_invoice(
                keys=[
                    keys.order(order_id),
                    keys.order_status(order_id),
                    keys.ORDERS_OPEN,
                    keys.invoice(order_id),
                    keys.ORDERS_DEAD,
                    keys.METRICS_ORDERS,
                ],
                args=[order_id, pdf],
            )
        if outcome == "refused":
            raise OrderNotProcessed(order_id, rest[0])
        return bool(outcome == "stored")

    def find(self, order_id: str) -> OrderRecord | None:
        return record_told(order_id, self._ask_about([order_id])[0])

    def bury(self, order_id: str, reason: str) -> None:
        for_invoice = reason == Reason.INVOICE_ATTEMPTS_EXHAUSTED
        self._give_up(order_id, reason, for_invoice=for_invoice)

    def revoke(self, order_id: str, task: TaskName, task_id: str) -> None:
        for_invoice = task is TaskName.GENERATE_INVOICE
        self._give_up(order_id, Reason.REVOKED, for_invoice=for_invoice, task_id=task_id)

    def _give_up(self, order_id: str, reason: str, *, for_invoice: bool, task_id: str = "") -> None:
        given_up_in = OrderStatus.PROCESSED if for_invoice else OrderStatus.PENDING
        with store_errors():
            self._bury(
                keys=[
                    keys.order(order_id),
                    keys.order_status(order_id),
                    keys.ORDERS_OPEN,
                    keys.ORDERS_DEAD,
                    keys.invoice(order_id),
                    keys.METRICS_ORDERS,
                    keys.METRICS_DEAD,
                ],
                args=[order_id, reason, given_up_in, task_id],
            )

    def revive(self, order_id: str, message_id: str | None = None) -> Claim[OrderRecord]:
        record = self.find(order_id)
        if record is None:
            raise UnknownOrder(order_id)
        # What is taken up again is the task that is owed: the invoice's, once it is processed.
        task, task_id = TaskName.PROCESS_ORDER, record.task_id
        if record.status is OrderStatus.PROCESSED:
            task, task_id = TaskName.GENERATE_INVOICE, record.invoice_task_id or task_id
        message_id = message_id or str(uuid4())
        results_db = None
        if self._results is not None:
            results_db = self._results.db_beside_store
            if results_db is None and (record.status is OrderStatus.FAILED or record.reason):
                # First, for afterwards it might be the new one.
                self._results.forget(task_id)
        with store_errors():
            outcome, *rest = self._revive(
                keys=[
                    keys.order(order_id),
                    keys.order_status(order_id),
                    keys.ORDERS_OPEN,
                    keys.ORDERS_DEAD,
                    keys.task(task_id),
                    keys.METRICS_ORDERS,
                    result_key(task_id),
                    keys.task(message_id),
                ],
                args=[
                    order_id,
                    keys.TASK_TTL_S,
                    task,
                    database(self._client),
                    "" if results_db is None else results_db,
                    message_id,
                ],
            )
        if outcome == "refused":
            raise OrderNotRetriable(order_id, rest[0])
        revived = self.find(order_id)
        if outcome == "unknown" or revived is None:
            raise UnknownOrder(order_id)
        return Claim(rest[0], (revived,))

    def claim_lost(
        self, queue: str, *, queue_is_idle: bool, limit: int, due_by_ms: int | None = None
    ) -> Claim[OrderRecord]:
        at_ms, ids = self._lost.claim(
            queue, queue_is_idle=queue_is_idle, limit=limit, due_by_ms=due_by_ms
        )
        owed = []
        for order_id, replies in zip(ids, self._ask_about(ids) if ids else [], strict=True):
            try:
                record = record_told(order_id, replies)
            except UnreadableOrder as error:
                # One such order must not stop the sweep.
                logger.error("given up: %s", error)
                self._lost.give_up(order_id, keys.order(order_id))
                continue
            if record is not None and record.owed:
                owed.append(record)
            else:
                # Somebody deleted or changed its keys by hand: nothing is owed any more.
                self._lost.forget(order_id)
        return Claim(at_ms, tuple(owed), is_full=len(ids) == limit)

    def _ask_about(self, order_ids: list[str]) -> list[list[Any]]:
        with store_errors():
            replies = self._trips.ask(
                *(question for order_id in order_ids for question in questions(order_id))
            )
        return [replies[first : first + 3] for first in range(0, len(replies), 3)]


def _begun(order_id: str, reply: list[Any]) -> Begun:
    status, attempts = reply
    if status == "conflict":
        raise OrderConflict(order_id)
    return Begun(status, attempts)


def _settlement(order_id: str, reply: list[Any]) -> Settlement:
    if reply[0] == "unknown":
        raise UnknownOrder(order_id)
    status, reason, at_ms, processed_at_ms, price, invoice_id, notification_id = reply
    return Settlement(
        status=OrderStatus(status),
        reason=reason or None,
        at_ms=at_ms,
        processed_at_ms=processed_at_ms,
        unit_price_minor=None if price == "" else int(price),
        invoice_task_id=invoice_id or None,
        notification_task_id=notification_id or None,
    )
