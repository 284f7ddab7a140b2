"""Orders in memory: `OrderIntake` and `OrderBook`."""

from dataclasses import replace
from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

from shop.adapters.redis.keys import (
    METRICS_DEAD,
    METRICS_ORDERS,
    METRICS_PRICELESS,
    TASK_TTL_S,
)
from shop.domain.errors import (
    BacklogFull,
    OrderConflict,
    OrderNotProcessed,
    OrderNotRetriable,
    UnknownOrder,
)
from shop.domain.invoice import numbered
from shop.domain.order import (
    USUAL_TERMS,
    Begun,
    FollowUps,
    Order,
    OrderRecord,
    OrderStatus,
    Placement,
    Priceless,
    Reason,
    Settlement,
    Terms,
)
from shop.domain.work import Claim, TaskName
from testing.fakes.ledger import attempt
from testing.fakes.lost import claim_lost
from testing.fakes.stock import whole_number
from testing.fakes.store import FakeStore, NotificationRow, OrderRow, TaskRow


class FakeOrderIntake:
    """The API's side."""

    def __init__(
        self,
        store: FakeStore,
        *,
        overdue_after_ms: int = 2_000,
        backlog_limit: int = 0,
        terms: Terms = USUAL_TERMS,
    ) -> None:
        self._terms = terms
        self._store = store
        self._overdue_after_ms = overdue_after_ms
        self._backlog_limit = backlog_limit

    async def place(self, order: Order, task_id: str) -> Placement:
        store = self._store
        with store.step() as now_ms:
            row = store.orders.get(order.id)
            if row is not None:
                if not _same(row, order):
                    raise OrderConflict(order.id)
                created = row.task_id == task_id
                return Placement(row.task_id, created, OrderStatus(row.status), row.placed_at_ms)
            open_orders = len(store.orders_open)
            if 0 < self._backlog_limit <= open_orders:
                raise BacklogFull(open_orders, self._backlog_limit)
            store.invoices.pop(order.id, None)
            store.orders[order.id] = OrderRow(
                order.item, order.qty, order.email, task_id, now_ms, currency=self._terms.currency
            )
            store.orders_open[order.id] = now_ms + self._overdue_after_ms
            _issue(store, task_id, TaskName.PROCESS_ORDER, now_ms, order.id)
            store.count(METRICS_ORDERS, "placed")
            return Placement(task_id, True, OrderStatus.PENDING, now_ms)

    async def find(self, order_id: str) -> OrderRecord | None:
        with self._store.step():
            return _record(self._store, order_id)

    async def invoice(self, order_id: str) -> bytes | None:
        with self._store.step():
            return self._store.invoices.get(order_id)


class FakeOrderBook:
    """The tasks' side."""

    def __init__(
        self, store: FakeStore, *, overdue_after_ms: int = 2_000, terms: Terms = USUAL_TERMS
    ) -> None:
        self._terms = terms
        self._store = store
        self._overdue_after_ms = overdue_after_ms

    def begin(self, order: Order, task_id: str, delivery_id: str, *, lease_s: float = 0.0) -> Begun:
        store = self._store
        lease_ms = round(lease_s * 1000)
        with store.step() as now_ms:
            row = store.orders.get(order.id)
            if row is None:
                row = OrderRow(order.item, order.qty, order.email, task_id, now_ms)
                row.currency = self._terms.currency
                store.invoices.pop(order.id, None)
                store.orders[order.id] = row
                store.count(METRICS_ORDERS, "placed")
            elif not _same(row, order):
                raise OrderConflict(order.id)
            if (task := store.tasks.get(task_id)) and task.order_id is None:
                task.order_id = order.id
            if row.status == OrderStatus.PENDING:
                store.orders_open[order.id] = now_ms + self._overdue_after_ms + lease_ms
                if row.delivery != delivery_id:
                    row.attempts += 1
                    row.delivery = delivery_id
            return Begun(row.status, row.attempts)

    def settle(self, order_id: str, item: str, follow_ups: FollowUps) -> Settlement:
        store = self._store
        with store.step() as now_ms:
            row = store.orders.get(order_id)
            if row is None:
                raise UnknownOrder(order_id)
            if row.status == OrderStatus.PENDING:
                self._decide(order_id, row, item, follow_ups, now_ms)
            invoice_owed = row.status == OrderStatus.PROCESSED and order_id in store.orders_open
            notification_owed = row.notification_task_id in store.notifications_open
            return Settlement(
                status=OrderStatus(row.status),
                reason=row.reason,
                at_ms=now_ms,
                processed_at_ms=row.processed_at_ms or 0,
                unit_price_minor=row.unit_price_minor,
                invoice_task_id=row.invoice_task_id if invoice_owed else None,
                notification_task_id=row.notification_task_id if notification_owed else None,
            )

    def begin_and_settle(
        self,
        order: Order,
        task_id: str,
        delivery_id: str,
        follow_ups: FollowUps,
        *,
        max_attempts: int,
    ) -> Settlement | None:
        begun = self.begin(order, task_id, delivery_id)
        if begun.is_exhausted(max_attempts):
            return None
        return self.settle(order.id, order.item, follow_ups)

    def begin_invoice(self, order_id: str, task_id: str, delivery_id: str) -> Begun:
        store = self._store
        with store.step() as now_ms:
            if order_id in store.invoices:
                store.orders_open.pop(order_id, None)
                return Begun("invoiced", 0, _record(store, order_id))
            row = store.orders.get(order_id)
            if row is None:
                task = TaskName.GENERATE_INVOICE
                return Begun("unknown", attempt(store, task, task_id, delivery_id, now_ms))
            if row.status == OrderStatus.PROCESSED:
                store.orders_open[order_id] = now_ms + self._overdue_after_ms
                if row.invoice_delivery != delivery_id:
                    row.invoice_attempts += 1
                    row.invoice_delivery = delivery_id
            begun = Begun(row.status, row.invoice_attempts)
        return replace(begun, record=self.find(order_id))

    def store_invoice(self, order_id: str, pdf: bytes) -> bool:
        store = self._store
        with store.step():
            row = store.orders.get(order_id)
            if row is not None:
                if row.status != OrderStatus.PROCESSED:
                    raise OrderNotProcessed(order_id, row.status)
                row.reason = None
            kept = order_id not in store.invoices
            if kept and row is not None:
                store.count(METRICS_ORDERS, "invoiced")
            store.invoices.setdefault(order_id, pdf)
            store.orders_open.pop(order_id, None)
            store.orders_dead.pop(order_id, None)
            return kept

    def find(self, order_id: str) -> OrderRecord | None:
        with self._store.step():
            return _record(self._store, order_id)

    def bury(self, order_id: str, reason: str) -> None:
        self._give_up(order_id, reason, reason == Reason.INVOICE_ATTEMPTS_EXHAUSTED)

    def revoke(self, order_id: str, task: TaskName, task_id: str) -> None:
        self._give_up(order_id, Reason.REVOKED, task is TaskName.GENERATE_INVOICE, task_id)

    def _give_up(
        self, order_id: str, reason: str, for_invoice: bool, task_id: str | None = None
    ) -> None:
        store = self._store
        with store.step() as now_ms:
            row = store.orders.get(order_id)
            expected = OrderStatus.PROCESSED if for_invoice else OrderStatus.PENDING
            if row is None or row.status != expected or order_id in store.invoices:
                return
            published_under = row.invoice_task_id if for_invoice else row.message_id or row.task_id
            if task_id is not None and task_id != published_under:
                return
            if row.status == OrderStatus.PENDING:
                row.status = OrderStatus.FAILED
                row.processed_at_ms = now_ms
                store.count(METRICS_ORDERS, reason)
            if order_id not in store.orders_dead:
                store.count(METRICS_DEAD, "invoice" if for_invoice else "order")
            row.reason = reason
            store.orders_open.pop(order_id, None)
            store.orders_dead[order_id] = now_ms

    def revive(self, order_id: str, message_id: str | None = None) -> Claim[OrderRecord]:
        store = self._store
        with store.step() as now_ms:
            row = store.orders.get(order_id)
            if row is None:
                raise UnknownOrder(order_id)
            record = _record(store, order_id)
            assert record is not None
            if row.status != OrderStatus.FAILED and order_id not in store.orders_dead:
                is_untouched = row.is_revived and not (row.attempts or row.invoice_attempts)
                if is_untouched and order_id in store.orders_open:
                    return Claim(now_ms, (record,))
                raise OrderNotRetriable(order_id, row.status)
            task, task_id = TaskName.PROCESS_ORDER, row.task_id
            if row.status == OrderStatus.PROCESSED:
                task, task_id = TaskName.GENERATE_INVOICE, row.invoice_task_id or task_id
            if row.reason == Reason.REVOKED:
                message_id = message_id or str(uuid4())
                if task is TaskName.PROCESS_ORDER:
                    row.message_id = message_id
                else:
                    row.invoice_task_id = message_id
                _issue(store, message_id, task, now_ms, order_id)
            if row.status == OrderStatus.FAILED:
                row.status = OrderStatus.PENDING
                row.processed_at_ms = None
            row.reason = row.delivery = row.invoice_delivery = None
            row.attempts = row.invoice_attempts = 0
            row.is_revived = True
            store.orders_dead.pop(order_id, None)
            store.orders_open[order_id] = now_ms
            store.count(METRICS_ORDERS, "revived")
            record = _record(store, order_id)
            assert record is not None
            store.tasks.pop(task_id, None)
            store.results.pop(task_id, None)
            _issue(store, task_id, task, now_ms, order_id)
            return Claim(now_ms, (record,))

    def claim_lost(
        self, queue: str, *, queue_is_idle: bool, limit: int, due_by_ms: int | None = None
    ) -> Claim[OrderRecord]:
        store = self._store
        with store.step() as now_ms:
            ids = claim_lost(
                store,
                "orders",
                store.watermarks.get(queue, 0),
                now_ms,
                queue_is_idle=queue_is_idle,
                overdue_after_ms=self._overdue_after_ms,
                limit=limit,
                due_by_ms=due_by_ms,
            )
            records = []
            for order_id in ids:
                record = _record(store, order_id)
                if record is not None and record.owed:
                    records.append(record)
                else:
                    del store.orders_open[order_id]
            return Claim(now_ms, tuple(records), is_full=len(ids) == limit)

    def _decide(
        self, order_id: str, row: OrderRow, item: str, follow_ups: FollowUps, now_ms: int
    ) -> None:
        store = self._store
        stock = whole_number(store.stock.get(item))
        price = whole_number(store.prices.get(item))
        if price is not None and (price < 0 or row.currency not in (None, self._terms.currency)):
            price = None
        if stock is not None and price is None:
            store.count(METRICS_PRICELESS, item)
        if stock is None:
            row.status, row.reason = OrderStatus.FAILED, Reason.UNKNOWN_ITEM
        elif price is None and self._terms.priceless is Priceless.REFUSE:
            row.status, row.reason = OrderStatus.FAILED, Reason.NO_PRICE
        elif stock < row.qty:
            row.status, row.reason = OrderStatus.FAILED, Reason.OUT_OF_STOCK
        else:
            row.status = OrderStatus.PROCESSED
            row.unit_price_minor = price
            moment = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(self._terms.timezone))
            store.invoices_numbered[moment.year] += 1
            row.invoice_number = numbered(moment.year, store.invoices_numbered[moment.year])
            row.invoice_task_id = follow_ups.invoice_task_id
            store.stock[item] = str(stock - row.qty)
            store.initial.setdefault(item, stock)
            store.sold[item] += row.qty
            invoice_id = follow_ups.invoice_task_id
            _issue(store, invoice_id, TaskName.GENERATE_INVOICE, now_ms, order_id)
        store.count(METRICS_ORDERS, row.reason or row.status)
        row.processed_at_ms = now_ms
        store.orders_dead.pop(order_id, None)
        if row.status == OrderStatus.PROCESSED:
            store.orders_open[order_id] = now_ms + self._overdue_after_ms
        else:
            store.orders_open.pop(order_id, None)
        if task_id := follow_ups.notification_task_id:
            message = follow_ups.notices.for_outcome(OrderStatus(row.status), row.reason)
            row.notification_task_id = task_id
            store.notifications[task_id] = NotificationRow(row.email, message, order_id=order_id)
            store.notifications_open[task_id] = now_ms + self._overdue_after_ms
            _issue(store, task_id, TaskName.SEND_NOTIFICATION, now_ms)


def _issue(
    store: FakeStore, task_id: str, task: TaskName, now_ms: int, order_id: str | None = None
) -> None:
    expires_at_ms = now_ms + TASK_TTL_S * 1000
    row = store.tasks.setdefault(task_id, TaskRow(task, expires_at_ms))
    row.task, row.enqueued_at_ms, row.expires_at_ms = task, now_ms, expires_at_ms
    row.order_id = order_id


def _same(row: OrderRow, order: Order) -> bool:
    return (row.item, row.qty, row.email) == (order.item, order.qty, order.email)


def _record(store: FakeStore, order_id: str) -> OrderRecord | None:
    row = store.orders.get(order_id)
    if row is None:
        return None
    return OrderRecord(
        order_id=order_id,
        item=row.item,
        qty=row.qty,
        email=row.email,
        task_id=row.task_id,
        status=OrderStatus(row.status),
        placed_at_ms=row.placed_at_ms,
        processed_at_ms=row.processed_at_ms,
        reason=row.reason,
        attempts=row.attempts,
        unit_price_minor=row.unit_price_minor,
        currency=row.currency,
        invoice_number=row.invoice_number,
        invoice_task_id=row.invoice_task_id,
        has_invoice=order_id in store.invoices,
        message_id=row.message_id,
    )
