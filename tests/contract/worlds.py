"""Stores that are driven in lockstep, and what each of them holds in the same words.

Their clocks differ, and one stands still. So time passes in ticks, a tick before each step, and
everything that is compared with everything else lies at least a unit apart, far more than a run
takes: what is due, overtaken or first is then the same in all of them. For that, every span that
a step adds to its own moment leaves another rest when divided by a tick.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import redis.asyncio
from redis import Redis

from shop.adapters.redis import keys
from shop.adapters.redis.autopipeline import AutoPipeline
from shop.adapters.redis.ledger import RedisTaskLedger
from shop.adapters.redis.notifications import RedisNotificationBook, RedisNotificationIntake
from shop.adapters.redis.order_intake import RedisOrderIntake
from shop.adapters.redis.orders import RedisOrderBook
from shop.adapters.redis.stock import RedisStockRoom
from shop.adapters.redis.tally import COUNTS
from shop.domain.ports import (
    NotificationBook,
    NotificationIntake,
    OrderBook,
    OrderIntake,
    StockRoom,
    TaskLedger,
)
from testing import fakes
from testing.waiting import PATIENT_S

UNIT_MS = 40_000
TICK_UNITS = 8
#: Rest 4; what is revived is due at once, rest 0; the hour after which work counts as lost in
#: any case is 90 units, and it is due 20 after that: rest 2.
OVERDUE_AFTER_UNITS = 20
OVERDUE_AFTER_MS = OVERDUE_AFTER_UNITS * UNIT_MS
#: Rest 1, once what is overdue anyway is added.
LEASE_UNITS = 13
#: Rests 7, 3 and 5.
DELAYS_UNITS = (7, 11, 37)
#: How long before its start a task was published; rest 6, once what is overdue is added. The
#: last one is from the future.
AGES_UNITS = (0, 6, 14, 30, -34)
QUEUES = ("default", "priority")
TIMEZONE = "UTC"

SCORED = (
    keys.ORDERS_OPEN,
    keys.ORDERS_DEAD,
    keys.NOTIFICATIONS_OPEN,
    keys.NOTIFICATIONS_DEAD,
)
HASHES = (keys.order(""), keys.notification(""), keys.task(""), "metrics:", "audit:", "invoices:")
STATUS_SUFFIX = keys.order_status("").removeprefix(keys.order(""))


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
    currency: str | None
    #: The clocks of two worlds may be in different years: which number is tested elsewhere.
    has_number: bool
    invoice_task_id: str | None
    notification_task_id: str | None
    message_id: str | None


@dataclass(frozen=True, slots=True)
class HeldNotification:
    """All that a store holds of a notification, moments aside."""

    status: str
    email: str
    message: str
    attempts: int
    delivery: str | None
    reason: str | None
    deferrals: int
    order_id: str | None


#: Members by score, the lowest first, with their distance from now in units.
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
    #: queue -> distance from now in units.
    watermarks: Mapping[str, int]
    #: Hash of counts -> field -> number; of spans how many there are.
    counts: Mapping[str, Mapping[str, int]]
    #: The stock's books: account -> sku -> units.
    books: Mapping[str, Mapping[str, int]]
    #: Invoices that have a number, of whichever year.
    numbered: int


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
                    currency=row.currency,
                    has_number=row.invoice_number is not None,
                    invoice_task_id=row.invoice_task_id,
                    notification_task_id=row.notification_task_id,
                    message_id=row.message_id,
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
                    deferrals=row.deferrals,
                    order_id=row.order_id,
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
            watermarks={queue: _units(at_ms, now_ms) for queue, at_ms in store.watermarks.items()},
            counts=_timeless_counts(store.counts),
            books={
                keys.AUDIT_INITIAL: store.initial,
                keys.AUDIT_RESTOCKED: store.restocked,
                keys.AUDIT_SOLD: {sku: qty for sku, qty in store.sold.items() if qty},
            },
            numbered=store.invoices_numbered.total(),
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
        self.notification_intake = RedisNotificationIntake(
            AutoPipeline(async_client, within_s=PATIENT_S), **due
        )
        self.notifications = RedisNotificationBook(client, **due)
        self.stock = RedisStockRoom(client, timezone=TIMEZONE)
        self.ledger = RedisTaskLedger(client)

    def intake(self, backlog_limit: int) -> OrderIntake:
        return RedisOrderIntake(
            AutoPipeline(self._async_client, within_s=PATIENT_S),
            overdue_after_ms=OVERDUE_AFTER_MS,
            backlog_limit=backlog_limit,
        )

    def now_ms(self) -> int:
        seconds, microseconds = self._client.time()
        return int(seconds) * 1000 + int(microseconds) // 1000

    def pass_time(self, ms: int) -> None:
        watermarks = [keys.watermark(queue) for queue in QUEUES]
        with self._client.pipeline(transaction=False) as pipe:
            for key in SCORED:
                pipe.zrange(key, 0, -1, withscores=True)
            pipe.mget(watermarks)
            *members, stamps = pipe.execute()
            for key, scores in zip(SCORED, members, strict=True):
                if scores:
                    pipe.zadd(key, {member: score - ms for member, score in scores})
            for key, stamp in zip(watermarks, stamps, strict=True):
                if stamp is not None:
                    pipe.set(key, int(stamp) - ms)
            pipe.execute()

    def state(self) -> State:
        found = sorted(self._client.keys("*"))
        now_ms = self.now_ms()
        with self._client.pipeline(transaction=False) as pipe:
            for key in found:
                if key in SCORED:
                    pipe.zrange(key, 0, -1, withscores=True)
                elif key.startswith(HASHES) and not key.endswith(STATUS_SUFFIX):
                    pipe.hgetall(key)
                else:
                    pipe.get(key)
            held = dict(zip(found, pipe.execute(), strict=True))
        return State(
            orders={
                order_id: _held_order(fields, held[keys.order_status(order_id)])
                for order_id, fields in _below(keys.order(""), held).items()
                if not order_id.endswith(STATUS_SUFFIX)
            },
            notifications={
                task_id: HeldNotification(
                    status=fields["status"],
                    email=fields["email"],
                    message=fields["message"],
                    attempts=int(fields["attempts"]),
                    delivery=fields.get("delivery"),
                    reason=fields.get("reason"),
                    deferrals=int(fields.get("deferrals", 0)),
                    order_id=fields.get("order_id"),
                )
                for task_id, fields in _below(keys.notification(""), held).items()
            },
            stock=_below(keys.STOCK_PREFIX, held),
            invoices=_below(keys.invoice(""), held),
            tasks={
                task_id: fields["task"] for task_id, fields in _below(keys.task(""), held).items()
            },
            orders_open=_scored(held.get(keys.ORDERS_OPEN, ()), now_ms),
            orders_dead=_scored(held.get(keys.ORDERS_DEAD, ()), now_ms),
            notifications_open=_scored(held.get(keys.NOTIFICATIONS_OPEN, ()), now_ms),
            notifications_dead=_scored(held.get(keys.NOTIFICATIONS_DEAD, ()), now_ms),
            watermarks={
                queue: _units(int(stamp), now_ms)
                for queue, stamp in _below(keys.watermark(""), held).items()
            },
            counts=_timeless_counts({key: held[key] for key in COUNTS if key in held}),
            books={
                key: {sku: int(units) for sku, units in held.get(key, {}).items()}
                for key in (keys.AUDIT_INITIAL, keys.AUDIT_RESTOCKED, keys.AUDIT_SOLD)
            },
            numbered=sum(map(int, held.get(keys.INVOICES_NUMBERED, {}).values())),
        )


def _held_order(fields: Mapping[str, str], status: str) -> HeldOrder:
    price = fields.get("unit_price")
    return HeldOrder(
        status=status,
        item=fields["item"],
        qty=int(fields["qty"]),
        email=fields["email"],
        task_id=fields["task_id"],
        attempts=int(fields["attempts"]),
        delivery=fields.get("delivery"),
        invoice_attempts=int(fields.get("invoice_attempts", 0)),
        invoice_delivery=fields.get("invoice_delivery"),
        is_decided="processed_at" in fields,
        reason=fields.get("reason"),
        unit_price_minor=None if price is None else int(price),
        currency=fields.get("currency"),
        has_number="invoice_number" in fields,
        invoice_task_id=fields.get("invoice_task_id"),
        notification_task_id=fields.get("notification_task_id"),
        message_id=fields.get("message_id"),
    )


def _timeless_counts(
    counts: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, int]]:
    """How long things took differs between worlds; how many there were does not."""
    seen: dict[str, dict[str, int]] = {}
    for key, fields in counts.items():
        for name, number in fields.items():
            if name.startswith(("wait:", "run:")):
                task, _, bucket = name.rpartition(":")
                if bucket == "sum":
                    continue
                name = task  # noqa: PLW2901
            totals = seen.setdefault(key, {})
            totals[name] = totals.get(name, 0) + int(number)
    return seen


def _below(prefix: str, held: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key.removeprefix(prefix): value for key, value in held.items() if key.startswith(prefix)
    }


def _scored(members: Iterable[tuple[str, float]], now_ms: int) -> Scored:
    ordered = sorted(members, key=lambda member: (member[1], member[0]))
    return tuple((member, _units(score_ms, now_ms)) for member, score_ms in ordered)


def _units(at_ms: float, now_ms: int) -> int:
    return round((at_ms - now_ms) / UNIT_MS)
