"""What the contract is tested over: every port of one store, and hands that reach behind them."""

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import pytest
import redis.asyncio
from redis import Redis

from shop.adapters.celery.app import create_worker_app
from shop.adapters.celery.results import CeleryTaskLookup
from shop.adapters.redis import keys
from shop.adapters.redis.autopipeline import AutoPipeline
from shop.adapters.redis.ledger import RedisTaskLedger
from shop.adapters.redis.notifications import RedisNotificationBook, RedisNotificationIntake
from shop.adapters.redis.order_intake import RedisOrderIntake
from shop.adapters.redis.orders import RedisOrderBook
from shop.adapters.redis.presence import RedisPresence, RedisReadiness
from shop.adapters.redis.results import Results, database, result_key, storing
from shop.adapters.redis.stock import RedisStockRoom
from shop.adapters.redis.tally import RedisTallies
from shop.adapters.redis.trips import RoundTrips
from shop.adapters.redis.workload import RedisWorkloadGauge
from shop.domain.order import Terms
from shop.domain.ports import (
    NotificationBook,
    NotificationIntake,
    OrderBook,
    OrderIntake,
    Readiness,
    StockRoom,
    Tallies,
    TaskLedger,
    TaskLookup,
    WorkloadGauge,
)
from shop.settings import Settings
from testing import fakes
from testing.waiting import PATIENT_S

OVERDUE_AFTER_MS = 2_000
#: Fourteen hours ahead of UTC: for most of the day, its date is another.
TIMEZONE = "Pacific/Kiritimati"

#: For what the fakes cannot show.
on_a_real_server = pytest.mark.parametrize("backend", ["valkey"], indirect=True)


@dataclass(frozen=True)
class Ports:
    """Every port of one store."""

    intake: OrderIntake
    book: OrderBook
    notification_intake: NotificationIntake
    notifications: NotificationBook
    stock: StockRoom
    ledger: TaskLedger
    lookup: TaskLookup
    presence: fakes.FakePresence | RedisPresence
    readiness: Readiness
    workload: WorkloadGauge
    tallies: Tallies


class Backend(ABC):
    """A store with its ports, and what a person or the passing of time does to it."""

    ports: Ports

    @abstractmethod
    def with_limit(self, backlog_limit: int) -> OrderIntake:
        """Another intake of the same store, which accepts so many open orders."""

    @abstractmethod
    def on_terms(self, **terms: Any) -> tuple[OrderIntake, OrderBook]:
        """Where orders of the same store go while the shop is set up with other terms."""

    @abstractmethod
    def unplugged(self) -> Ports:
        """The ports of a store that is away."""

    @abstractmethod
    def now_ms(self) -> int:
        """The store's clock."""

    @abstractmethod
    def pass_time(self, ms: int) -> None:
        """As if everything had happened so much earlier."""

    @abstractmethod
    def set_by_hand(self, kind: str, sku: str, text: str | None) -> None:
        """Put `text` at `stock:{sku}` or `price:{sku}`; None: something that is no string."""

    @abstractmethod
    def stock_text(self, sku: str) -> str | None: ...

    @abstractmethod
    def open_orders(self) -> set[str]: ...

    @abstractmethod
    def dead_orders(self) -> set[str]: ...

    @abstractmethod
    def open_notifications(self) -> set[str]: ...

    @abstractmethod
    def dead_notifications(self) -> set[str]: ...

    @abstractmethod
    def due_ms(self, task_id: str) -> int:
        """When an open notification is overdue."""

    @abstractmethod
    def delete_by_hand(self, *, order_id: str = "", task_id: str = "") -> None:
        """Delete an order's or a notification's record, and nothing else of it."""

    @abstractmethod
    def keep_result(self, task_id: str, result: dict[str, Any]) -> None:
        """As a worker does that has done a task."""

    @abstractmethod
    def wait_behind(self, count: int) -> None:
        """Let so many further orders be open that were published just now."""


class FakeBackend(Backend):
    """The fakes."""

    def __init__(self) -> None:
        self._store = fakes.FakeStore()
        self.ports = self._ports(self._store)

    def with_limit(self, backlog_limit: int) -> OrderIntake:
        return fakes.FakeOrderIntake(self._store, backlog_limit=backlog_limit)

    def on_terms(self, **terms: Any) -> tuple[OrderIntake, OrderBook]:
        return (
            fakes.FakeOrderIntake(self._store, terms=Terms(**terms)),
            fakes.FakeOrderBook(self._store, terms=Terms(**terms)),
        )

    def unplugged(self) -> Ports:
        return self._ports(fakes.FakeStore(available=False))

    def now_ms(self) -> int:
        return self._store.clock.now_ms

    def pass_time(self, ms: int) -> None:
        self._store.clock.advance(ms)

    def set_by_hand(self, kind: str, sku: str, text: str | None) -> None:
        {"stock": self._store.stock, "price": self._store.prices}[kind][sku] = text

    def stock_text(self, sku: str) -> str | None:
        return self._store.stock.get(sku)

    def open_orders(self) -> set[str]:
        return set(self._store.orders_open)

    def dead_orders(self) -> set[str]:
        return set(self._store.orders_dead)

    def open_notifications(self) -> set[str]:
        return set(self._store.notifications_open)

    def dead_notifications(self) -> set[str]:
        return set(self._store.notifications_dead)

    def due_ms(self, task_id: str) -> int:
        return self._store.notifications_open[task_id]

    def delete_by_hand(self, *, order_id: str = "", task_id: str = "") -> None:
        self._store.orders.pop(order_id, None)
        self._store.notifications.pop(task_id, None)

    def keep_result(self, task_id: str, result: dict[str, Any]) -> None:
        self._store.results.setdefault(task_id, fakes.FakeResult("SUCCESS", result))

    def wait_behind(self, count: int) -> None:
        due_ms = self.now_ms() + OVERDUE_AFTER_MS
        self._store.orders_open.update({f"waiting-{number}": due_ms for number in range(count)})

    @staticmethod
    def _ports(store: fakes.FakeStore) -> Ports:
        return Ports(
            intake=fakes.FakeOrderIntake(store, overdue_after_ms=OVERDUE_AFTER_MS),
            book=fakes.FakeOrderBook(store, overdue_after_ms=OVERDUE_AFTER_MS),
            notification_intake=fakes.FakeNotificationIntake(
                store, overdue_after_ms=OVERDUE_AFTER_MS
            ),
            notifications=fakes.FakeNotificationBook(store, overdue_after_ms=OVERDUE_AFTER_MS),
            stock=fakes.FakeStockRoom(store, timezone=TIMEZONE),
            ledger=fakes.FakeTaskLedger(store),
            lookup=fakes.FakeTaskLookup(store),
            presence=fakes.FakePresence(store),
            readiness=fakes.FakeReadiness(store),
            workload=fakes.FakeWorkloadGauge(store),
            tallies=fakes.FakeTallies(store),
        )


@dataclass(frozen=True)
class Clients:
    """Connections to one server: the store and the results, twice each."""

    sync: Redis
    sync_results: Redis
    store: "redis.asyncio.Redis"
    results: "redis.asyncio.Redis"

    async def close(self) -> None:
        self.sync.close()
        self.sync_results.close()
        await self.store.aclose()
        await self.results.aclose()


class RedisBackend(Backend):
    """The adapters, over whatever server the clients are connected to."""

    def __init__(self, clients: Clients, unplugged: Clients, settings: Settings) -> None:
        self._clients = clients
        self._unplugged = unplugged
        self._settings = settings
        self._client = clients.sync
        self.ports = self._ports(clients)

    def with_limit(self, backlog_limit: int) -> OrderIntake:
        return RedisOrderIntake(
            AutoPipeline(self._clients.store, within_s=PATIENT_S),
            overdue_after_ms=OVERDUE_AFTER_MS,
            backlog_limit=backlog_limit,
        )

    def on_terms(self, **terms: Any) -> tuple[OrderIntake, OrderBook]:
        due = {"overdue_after_ms": OVERDUE_AFTER_MS}
        return (
            RedisOrderIntake(
                AutoPipeline(self._clients.store), backlog_limit=0, terms=Terms(**terms), **due
            ),
            RedisOrderBook(self._client, terms=Terms(**terms), **due),
        )

    def unplugged(self) -> Ports:
        return self._ports(self._unplugged)

    def now_ms(self) -> int:
        seconds, microseconds = self._client.time()
        return int(seconds) * 1000 + int(microseconds) // 1000

    def pass_time(self, ms: int) -> None:
        scored = [
            keys.ORDERS_OPEN,
            keys.ORDERS_DEAD,
            keys.NOTIFICATIONS_OPEN,
            keys.NOTIFICATIONS_DEAD,
            *self._client.scan_iter(match=keys.workers("*")),
        ]
        for key in scored:
            if members := self._client.zrange(key, 0, -1, withscores=True):
                self._client.zadd(key, {member: score - ms for member, score in members})
        for key in self._client.scan_iter(match=keys.watermark("*")):
            self._client.decrby(key, ms)
        if self._client.exists(keys.MAIL_PAUSE):
            self._client.hincrby(keys.MAIL_PAUSE, "until", -ms)
        for key in self._client.scan_iter(_type="hash"):
            for field, stamp in self._client.hgetall(key).items():
                if field.endswith("_at"):
                    self._client.hset(key, field, int(stamp) - ms)

    def set_by_hand(self, kind: str, sku: str, text: str | None) -> None:
        key = {"stock": keys.stock, "price": keys.price}[kind](sku)
        self._client.delete(key)
        if text is None:
            self._client.rpush(key, "not", "a", "string")
        else:
            self._client.set(key, text)

    def stock_text(self, sku: str) -> str | None:
        text: str | None = self._client.get(keys.stock(sku))
        return text

    def open_orders(self) -> set[str]:
        return self._members(keys.ORDERS_OPEN)

    def dead_orders(self) -> set[str]:
        return self._members(keys.ORDERS_DEAD)

    def open_notifications(self) -> set[str]:
        return self._members(keys.NOTIFICATIONS_OPEN)

    def dead_notifications(self) -> set[str]:
        return self._members(keys.NOTIFICATIONS_DEAD)

    def due_ms(self, task_id: str) -> int:
        score = self._client.zscore(keys.NOTIFICATIONS_OPEN, task_id)
        assert score is not None
        return round(score)

    def delete_by_hand(self, *, order_id: str = "", task_id: str = "") -> None:
        self._client.delete(
            keys.order(order_id), keys.order_status(order_id), keys.notification(task_id)
        )

    def keep_result(self, task_id: str, result: dict[str, Any]) -> None:
        meta = json.dumps({"status": "SUCCESS", "result": result, "task_id": task_id})
        results = self._clients.sync_results
        db = database(results)
        store = storing(result_key(task_id), meta, is_success=True, expires_s=60, db=db)
        RoundTrips(results).ask(store)

    def wait_behind(self, count: int) -> None:
        due_ms = self.now_ms() + OVERDUE_AFTER_MS
        waiting = {f"waiting-{number}": due_ms for number in range(count)}
        self._client.zadd(keys.ORDERS_OPEN, waiting)

    def calls(self) -> dict[str, int]:
        """How often the server has run each command; a real server only."""
        stats: dict[str, Any] = self._client.info("commandstats")
        return {name.removeprefix("cmdstat_"): stat["calls"] for name, stat in stats.items()}

    def _members(self, key: str) -> set[str]:
        return set(self._client.zrange(key, 0, -1))

    def _ports(self, clients: Clients) -> Ports:
        sync, store = clients.sync, clients.store
        return Ports(
            intake=RedisOrderIntake(
                AutoPipeline(store, within_s=PATIENT_S),
                overdue_after_ms=OVERDUE_AFTER_MS,
                backlog_limit=0,
            ),
            book=RedisOrderBook(
                sync,
                overdue_after_ms=OVERDUE_AFTER_MS,
                results=Results(clients.sync_results, beside_store=True),
            ),
            notification_intake=RedisNotificationIntake(
                AutoPipeline(store, within_s=PATIENT_S), overdue_after_ms=OVERDUE_AFTER_MS
            ),
            notifications=RedisNotificationBook(sync, overdue_after_ms=OVERDUE_AFTER_MS),
            stock=RedisStockRoom(sync, timezone=TIMEZONE),
            ledger=RedisTaskLedger(sync),
            lookup=CeleryTaskLookup(
                create_worker_app(self._settings),
                AutoPipeline(store, within_s=PATIENT_S),
                AutoPipeline(clients.results, within_s=PATIENT_S),
            ),
            presence=RedisPresence(sync),
            readiness=RedisReadiness(store),
            workload=RedisWorkloadGauge(store),
            tallies=RedisTallies(store),
        )
