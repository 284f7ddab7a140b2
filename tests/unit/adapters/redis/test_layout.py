"""The keys of DESIGN section 5, to the letter: scripts outside the project read them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from redis import Redis

from shop.adapters.redis.autopipeline import AutoPipeline
from shop.adapters.redis.client import connect, connect_async
from shop.adapters.redis.ledger import RedisTaskLedger
from shop.adapters.redis.notifications import RedisNotificationBook, RedisNotificationIntake
from shop.adapters.redis.order_intake import RedisOrderIntake
from shop.adapters.redis.orders import RedisOrderBook
from shop.adapters.redis.presence import RedisPresence
from shop.adapters.redis.stock import RedisStockRoom
from shop.domain.stock import StockLevel, StockReport
from testing.servers import ValkeyProcess
from testing.waiting import PATIENT_S
from tests.builders import ANN, a_delivery, a_notification, an_order, follow_ups

DAY_S = 24 * 60 * 60
OVERDUE_AFTER_MS = 2_000


@pytest.fixture
def client(valkey: ValkeyProcess) -> Iterator[Redis]:
    with connect(valkey.dsn(2), "layout") as client:
        yield client


@pytest.fixture
def book(client: Redis) -> RedisOrderBook:
    return RedisOrderBook(client, overdue_after_ms=OVERDUE_AFTER_MS)


@pytest.fixture
def notifications(client: Redis) -> RedisNotificationBook:
    return RedisNotificationBook(client, overdue_after_ms=OVERDUE_AFTER_MS)


def now_ms(client: Redis) -> int:
    seconds, microseconds = client.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


def types(client: Redis) -> dict[str, str]:
    return {key: client.type(key) for key in client.scan_iter()}


def is_recent(client: Redis, stamp: str | float) -> bool:
    return now_ms(client) - 10_000 <= float(stamp) <= now_ms(client)


async def test_a_placed_order(valkey: ValkeyProcess, client: Redis) -> None:
    async with connect_async(valkey.dsn(2), "layout-api") as store:
        intake = RedisOrderIntake(
            AutoPipeline(store, within_s=PATIENT_S),
            overdue_after_ms=OVERDUE_AFTER_MS,
            backlog_limit=0,
        )
        placement = await intake.place(an_order(), "task-1")

    assert types(client) == {
        "order:1001": "hash",
        "order:1001:status": "string",
        "orders:open": "zset",
        "task:task-1": "hash",
        "metrics:orders": "hash",
    }
    at_ms = placement.enqueued_at_ms
    assert client.get("order:1001:status") == "pending"
    assert client.hgetall("order:1001") == {
        "item": "SKU-1",
        "qty": "2",
        "email": ANN,
        "task_id": "task-1",
        "placed_at": str(at_ms),
        "attempts": "0",
        "currency": "EUR",
    }
    assert client.zscore("orders:open", "1001") == at_ms + OVERDUE_AFTER_MS
    assert client.hgetall("task:task-1") == {
        "task": "process_order",
        "enqueued_at": str(at_ms),
        "order_id": "1001",
    }
    assert 0 < client.ttl("task:task-1") <= DAY_S
    assert client.ttl("order:1001") == client.ttl("order:1001:status") == -1


def test_a_processed_order_and_its_invoice(client: Redis, book: RedisOrderBook) -> None:
    client.mset({"stock:SKU-1": 10, "price:SKU-1": 1990})
    order = an_order(qty=3)
    book.begin(order, "task-1", "one")
    settlement = book.settle(order.id, order.item, follow_ups(order))

    assert client.get("order:1001:status") == "processed"
    assert client.get("stock:SKU-1") == "7"
    fields = client.hgetall("order:1001")
    assert fields["processed_at"] == str(settlement.processed_at_ms)
    assert (fields["unit_price"], fields["attempts"]) == ("1990", "1")
    assert "reason" not in fields
    year = datetime.fromtimestamp(settlement.processed_at_ms / 1000, UTC).year
    assert fields["invoice_number"] == f"INV-{year}-000001"
    assert client.hgetall("invoices:numbered") == {str(year): "1"}
    assert client.zrange("orders:open", 0, -1) == ["1001"]
    assert client.hgetall("notification:notice-of-1001") == {
        "email": ANN,
        "message": follow_ups(order).notices.processed,
        "status": "pending",
        "attempts": "0",
        "order_id": "1001",
    }
    assert client.zrange("notifications:open", 0, -1) == ["notice-of-1001"]

    book.store_invoice("1001", b"%PDF")

    assert client.get("invoice:1001") == "%PDF"
    assert client.ttl("invoice:1001") == -1
    assert not client.exists("orders:open")


def test_a_failed_order(client: Redis, book: RedisOrderBook) -> None:
    client.set("stock:SKU-1", 1)
    order = an_order()
    book.begin(order, "task-1", "one")
    book.settle(order.id, order.item, follow_ups(order, notify=False))

    assert client.get("order:1001:status") == "failed"
    assert client.hget("order:1001", "reason") == "out_of_stock"
    assert not client.exists("orders:open", "notifications:open", "invoice:1001", "orders:dead")


def test_an_order_that_was_given_up(client: Redis, book: RedisOrderBook) -> None:
    book.begin(an_order(), "task-1", "one")
    book.bury("1001", "attempts_exhausted")

    ((order_id, given_up_at_ms),) = client.zrange("orders:dead", 0, -1, withscores=True)
    assert order_id == "1001"
    assert is_recent(client, given_up_at_ms)
    assert client.get("order:1001:status") == "failed"
    assert client.hget("order:1001", "reason") == "attempts_exhausted"


async def test_a_notification(
    valkey: ValkeyProcess, client: Redis, notifications: RedisNotificationBook
) -> None:
    async with connect_async(valkey.dsn(2), "layout-api") as store:
        intake = RedisNotificationIntake(
            AutoPipeline(store, within_s=PATIENT_S), overdue_after_ms=OVERDUE_AFTER_MS
        )
        at_ms = await intake.place(a_notification(), "task-1")

    assert types(client) == {
        "notification:task-1": "hash",
        "notifications:open": "zset",
        "task:task-1": "hash",
    }
    assert client.zscore("notifications:open", "task-1") == at_ms + OVERDUE_AFTER_MS
    assert client.ttl("notification:task-1") == -1
    assert 0 < client.ttl("task:task-1") <= DAY_S

    notifications.delivered("task-1")

    assert not client.exists("notifications:open")
    assert client.hget("notification:task-1", "status") == "delivered"
    assert 0 < client.ttl("notification:task-1") <= DAY_S


def test_a_notification_that_was_given_up_does_not_expire(
    client: Redis, notifications: RedisNotificationBook
) -> None:
    notifications.begin(a_notification(), "task-1", "one")
    notifications.bury("task-1", "refused")

    assert client.zrange("notifications:dead", 0, -1) == ["task-1"]
    assert client.ttl("notification:task-1") == -1


def test_stock_prices_and_the_days_report(client: Redis) -> None:
    room = RedisStockRoom(client, timezone="UTC")
    room.put(StockLevel("SKU-1", 7, 1990))
    report = StockReport(date(2026, 3, 1), 5, {"SKU-1": 7})
    room.store_report(report)

    assert (client.get("stock:SKU-1"), client.get("price:SKU-1")) == ("7", "1990")
    assert set(types(client)) == {"stock:SKU-1", "price:SKU-1", "report:stock:2026-03-01"} | {
        "audit:initial"
    }


def test_stamps_and_the_watermark(client: Redis) -> None:
    ledger = RedisTaskLedger(client)
    stamp_ms = now_ms(client)
    ledger.started(a_delivery(enqueued_at_ms=stamp_ms))
    assert 0 < client.ttl("task:task-1") <= DAY_S
    ledger.finished("task-1")

    assert client.get("watermark:default") == str(stamp_ms)
    fields = client.hgetall("task:task-1")
    assert fields["enqueued_at"] == str(stamp_ms)
    assert all(
        is_recent(client, fields[name]) for name in ("received_at", "started_at", "finished_at")
    )
    assert 0 < client.ttl("task:task-1") <= DAY_S


def test_an_end_whose_start_was_forgotten_expires_too(client: Redis) -> None:
    RedisTaskLedger(client).finished("task-1")

    assert 0 < client.ttl("task:task-1") <= DAY_S


def test_a_revived_order_is_issued_again(client: Redis, book: RedisOrderBook) -> None:
    order = an_order()
    book.begin(order, "task-1", "one")
    book.settle(order.id, order.item, follow_ups(order))
    book.revive(order.id)

    assert client.hget("task:task-1", "task") == "process_order"
    assert 0 < client.ttl("task:task-1") <= DAY_S


def test_dead_workers_do_not_pile_up(client: Redis) -> None:
    presence = RedisPresence(client)
    for number in range(5):
        presence.beat("default", f"celery@dead-{number}")
        client.zincrby("workers:default", -60_000, f"celery@dead-{number}")

    presence.beat("default", "celery@alive")

    assert client.zrange("workers:default", 0, -1) == ["celery@alive"]
