"""Stores that are driven in lockstep, and what each of them holds in the same words.

Their clocks differ, and one stands still: time passes in ticks, so much longer than a step
takes that what is due, overtaken or later is the same in all of them.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import redis.asyncio
from redis import Redis

from shop.adapters.redis import keys
from shop.adapters.redis.ledger import RedisTaskLedger
from shop.adapters.redis.notifications import RedisNotificationBook, RedisNotificationIntake
from shop.adapters.redis.orders import RedisOrderBook, RedisOrderIntake
from shop.adapters.redis.stock import RedisStockRoom
from shop.domain.ports import (
    NotificationBook,
    NotificationIntake,
    OrderBook,
    OrderIntake,
    StockRoom,
    TaskLedger,
)
from testing import fakes

TICK_MS = 70_000
#: Nothing falls due on a tick, and nothing is stamped on one but what happens on it: a step that
#: takes some seconds changes no order.
HALF_TICK_MS = TICK_MS // 2
OVERDUE_AFTER_MS = 5 * HALF_TICK_MS
QUEUES = ("default", "priority")
TIMEZONE = "UTC"


@dataclass(frozen=True, slots=True)
class HeldOrder:
    """All that a store holds of an order, moments aside."""

    status: str
    item: str
    qty: int
    email: str
    task_id: str
    attempts: int
    delivery: str | None
    invoice_attempts: int
    invoice_delivery: str | None
    is_decided: bool
    reason: str | None
    unit_price_minor: int | None
    invoice_task_id: str | None
    notification_task_id: str | None


@dataclass(frozen=True, slots=True)
class HeldNotification:
    """All that a store holds of a notification, moments aside."""

    status: str
    email: str
    message: str
    attempts: int
    delivery: str | None
    reason: str | None


#: Members by score, the lowest first, with their distance from now in half ticks.
Scored = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class State:
    """All that a store holds."""

    orders: Mapping[str, HeldOrder]
    notifications: Mapping[str, HeldNotification]
    stock: Mapping[str, str]
    invoices: Mapping[str, str]
    #: Of every task that was issued or started: its name.
    tasks: Mapping[str, str]
    orders_open: Scored
    orders_dead: Scored
    notifications_open: Scored
    notifications_dead: Scored
    #: queue -> distance from now in half ticks.
    watermarks: Mapping[str, int]


class World(ABC):
    """One store: the ports that write orders and notifications, its clock, and its state."""

    name: str
    book: OrderBook
    notification_intake: NotificationIntake
    notifications: NotificationBook
    stock: StockRoom
    ledger: TaskLedger

    @abstractmethod
    def intake(self, backlog_limit: int) -> OrderIntake: ...

    @abstractmethod
    def now_ms(self) -> int: ...

    @abstractmethod
    def pass_time(self, ms: int) -> None:
        """As if everything had happened so much earlier."""

    @abstractmethod
    def state(self) -> State: ...


class FakeWorld(World):
    """The model: plain Python that knows of no Redis and no Lua."""

    name = "model"

    def __init__(self) -> None:
        store = self._store = fakes.FakeStore()
        due = {"overdue_after_ms": OVERDUE_AFTER_MS}
        self.book = fakes.FakeOrderBook(store, **due)
        self.notification_intake = fakes.FakeNotificationIntake(store, **due)
        self.notifications = fakes.FakeNotificationBook(store, **due)
        self.stock = fakes.FakeStockRoom(store, timezone=TIMEZONE)
        self.ledger = fakes.FakeTaskLedger(store)

    def intake(self, backlog_limit: int) -> OrderIntake:
        return fakes.FakeOrderIntake(
            self._store, overdue_after_ms=OVERDUE_AFTER_MS, backlog_limit=backlog_limit
        )

    def now_ms(self) -> int:
        return self._store.clock.now_ms

    def pass_time(self, ms: int) -> None:
        self._store.clock.advance(ms)

    def state(self) -> State:
        store, now_ms = self._store, self.now_ms()
        return State(
            orders={
                order_id: HeldOrder(
                    status=str(row.status),
                    item=row.item,
                    qty=row.qty,
                    email=row.email,
                    task_id=row.task_id,
                    attempts=row.attempts,
                    delivery=row.delivery,
                    invoice_attempts=row.invoice_attempts,
                    invoice_delivery=row.invoice_delivery,
                    is_decided=row.processed_at_ms is not None,
                    reason=row.reason,
                    unit_price_minor=row.unit_price_minor,
                    invoice_task_id=row.invoice_task_id,
                    notification_task_id=row.notification_task_id,
                )
                for order_id, row in store.orders.items()
            },
            notifications={
                task_id: HeldNotification(
                    status=str(row.status),
                    email=row.email,
                    message=row.message,
                    attempts=row.attempts,
                    delivery=row.delivery,
                    reason=row.reason,
                )
                for task_id, row in store.notifications.items()
            },
            stock={sku: text for sku, text in store.stock.items() if text is not None},
            invoices={order_id: pdf.decode() for order_id, pdf in store.invoices.items()},
            tasks={task_id: str(row.task) for task_id, row in store.tasks.items()},
            orders_open=_scored(store.orders_open.items(), now_ms),
            orders_dead=_scored(store.orders_dead.items(), now_ms),
            notifications_open=_scored(store.notifications_open.items(), now_ms),
            notifications_dead=_scored(store.notifications_dead.items(), now_ms),
            watermarks={
                queue: _half_ticks(at_ms, now_ms) for queue, at_ms in store.watermarks.items()
            },
        )


class RedisWorld(World):
    """The adapters and their scripts, over whatever server the clients are connected to."""

    def __init__(self, name: str, client: Redis, async_client: "redis.asyncio.Redis") -> None:
        """The server must be this world's own: it is emptied."""
        client.flushall()
        self.name = name
        self._client = client
        self._async_client = async_client
        due = {"overdue_after_ms": OVERDUE_AFTER_MS}
        self.book = RedisOrderBook(client, **due)
        self.notification_intake = RedisNotificationIntake(async_client, **due)
        self.notifications = RedisNotificationBook(client, **due)
        self.stock = RedisStockRoom(client, timezone=TIMEZONE)
        self.ledger = RedisTaskLedger(client)

    def intake(self, backlog_limit: int) -> OrderIntake:
        return RedisOrderIntake(
            self._async_client, overdue_after_ms=OVERDUE_AFTER_MS, backlog_limit=backlog_limit
        )

    def now_ms(self) -> int:
        seconds, microseconds = self._client.time()
        return int(seconds) * 1000 + int(microseconds) // 1000

    def pass_time(self, ms: int) -> None:
        scored = [
            keys.ORDERS_OPEN,
            keys.ORDERS_DEAD,
            keys.NOTIFICATIONS_OPEN,
            keys.NOTIFICATIONS_DEAD,
        ]
        watermarks = [keys.watermark(queue) for queue in QUEUES]
        with self._client.pipeline(transaction=False) as pipe:
            for key in scored:
                pipe.zrange(key, 0, -1, withscores=True)
            pipe.mget(watermarks)
            *members, stamps = pipe.execute()
            for key, scores in zip(scored, members, strict=True):
                if scores:
                    pipe.zadd(key, {member: score - ms for member, score in scores})
            for key, stamp in zip(watermarks, stamps, strict=True):
                if stamp is not None:
                    pipe.set(key, int(stamp) - ms)
            pipe.execute()

    def state(self) -> State:
        found = sorted(self._client.keys("*"))
        now_ms = self.now_ms()
        reads = {
            "hash": self._client.hgetall,
            "string": self._client.get,
            "zset": lambda key: self._client.zrange(key, 0, -1, withscores=True),
        }
        types = self._pipelined("type", found)
        held: dict[str, Any] = {}
        with self._client.pipeline(transaction=False) as pipe:
            for key, kind in zip(found, types, strict=True):
                match kind:
                    case "hash":
                        pipe.hgetall(key)
                    case "zset":
                        pipe.zrange(key, 0, -1, withscores=True)
                    case _:
                        pipe.get(key)
            held = dict(zip(found, pipe.execute(), strict=True))
        del reads
        return _state(held, now_ms)

    def _pipelined(self, command: str, found: Iterable[str]) -> list[Any]:
        with self._client.pipeline(transaction=False) as pipe:
            for key in found:
                pipe.execute_command(command, key)
            return pipe.execute()


def _state(held: Mapping[str, Any], now_ms: int) -> State:
    raise NotImplementedError
