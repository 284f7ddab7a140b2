"""Orders in Redis, as the API records them and looks them up: asynchronous."""

from redis.client import NEVER_DECODE

from shop.adapters.redis import keys
from shop.adapters.redis.autopipeline import AutoPipeline
from shop.adapters.redis.client import store_errors
from shop.adapters.redis.order_records import content, order_record
from shop.adapters.redis.scripts import Script
from shop.domain.errors import BacklogFull, OrderConflict, UnreadableOrder
from shop.domain.order import USUAL_TERMS, Order, OrderRecord, OrderStatus, Placement, Terms
from shop.domain.work import TaskName


class RedisOrderIntake:
    """What concurrent requests ask for goes together."""

    def __init__(
        self,
        store: AutoPipeline,
        *,
        overdue_after_ms: int,
        backlog_limit: int,
        terms: Terms = USUAL_TERMS,
    ) -> None:
        self._store = store
        self._overdue_after_ms = overdue_after_ms
        self._backlog_limit = backlog_limit
        self._terms = terms
        self._place = Script.named("place_order")

    async def place(self, order: Order, task_id: str) -> Placement:
        with store_errors():
            outcome, *reply = await self._store.run_script(
                self._place,
                keys=[
                    keys.order(order.id),
                    keys.order_status(order.id),
                    keys.ORDERS_OPEN,
                    keys.task(task_id),
                    keys.invoice(order.id),
                    keys.METRICS_ORDERS,
                ],
                args=[
                    *content(order),
                    task_id,
                    TaskName.PROCESS_ORDER,
                    self._overdue_after_ms,
                    keys.TASK_TTL_S,
                    self._backlog_limit,
                    self._terms.currency,
                ],
            )
        if outcome == "conflict":
            raise OrderConflict(order.id)
        if outcome == "full":
            raise BacklogFull(reply[0], self._backlog_limit)
        first_task_id, at_ms, status = reply
        if first_task_id is None:
            raise UnreadableOrder(order.id, "it has no task_id")
        # A client that retried after a lost reply finds its own record: that is its placing.
        created = outcome == "placed" or first_task_id == task_id
        try:
            return Placement(first_task_id, created, OrderStatus(status), at_ms)
        except ValueError as error:
            raise UnreadableOrder(order.id, str(error)) from None

    async def find(self, order_id: str) -> OrderRecord | None:
        with store_errors():
            fields, status, has_invoice = await self._store.run_all(
                ("HGETALL", keys.order(order_id)),
                ("GET", keys.order_status(order_id)),
                ("EXISTS", keys.invoice(order_id)),
            )
        return order_record(order_id, fields, status, has_invoice)

    async def invoice(self, order_id: str) -> bytes | None:
        with store_errors():
            pdf: bytes | None = await self._store.run(
                "GET", keys.invoice(order_id), **{NEVER_DECODE: True}
            )
        return pdf
