"""The state that is judged, read from a real server after the adapters wrote it."""

import hashlib
import json
from collections.abc import Iterator

import pytest
from redis import Redis

from shop.adapters.redis.ledger import RedisTaskLedger
from shop.adapters.redis.notifications import RedisNotificationBook
from shop.adapters.redis.orders import RedisOrderBook
from shop.domain.order import Reason
from testing.final_state import FinalNotification, FinalState, read_final_state
from testing.observers import collect_deliveries
from testing.servers import ValkeyProcess
from tests.builders import ANN, a_delivery, a_notification, an_order, follow_ups
from tests.unit.testing.memory import Memory

PDF = b"%PDF \xff\x00"


@pytest.fixture
def client(valkey: ValkeyProcess) -> Iterator[Redis]:
    with valkey.client(2) as client:
        yield client


@pytest.fixture
def final(valkey: ValkeyProcess, client: Redis) -> FinalState:
    client.mset({"stock:SKU-1": 10, "stock:odd": "many", "price:SKU-1": 5})
    client.rpush("stock:list", "1")
    book = RedisOrderBook(client, overdue_after_ms=2_000)
    notifications = RedisNotificationBook(client, overdue_after_ms=2_000)
    for order in (an_order("done"), an_order("failed", item="NO-SUCH"), an_order("no-invoice")):
        book.begin(order, f"task-of-{order.id}", "one")
        book.settle(order.id, order.item, follow_ups(order))
    book.store_invoice("done", PDF)
    ledger = RedisTaskLedger(client)
    ledger.started(a_delivery("invoice-of-done", "one", task="generate_invoice"))
    ledger.finished("invoice-of-done")
    book.begin(an_order("dead"), "task-of-dead", "one")
    book.bury("dead", Reason.ATTEMPTS_EXHAUSTED)
    book.begin(an_order("pending"), "task-of-pending", "one")
    client.set("order:half:status", "processed")
    notifications.begin(a_notification(), "task-n", "one")
    notifications.delivered("notice-of-done")
    notifications.bury("notice-of-failed", "no such mailbox")
    with Redis.from_url(valkey.dsn(2)) as raw:
        return read_final_state(raw, {"SKU-1": 10})


def test_orders(final: FinalState) -> None:
    statuses = {order_id: (row.status, row.reason) for order_id, row in final.orders.items()}
    assert statuses == {
        "done": ("processed", None),
        "failed": ("failed", "unknown_item"),
        "no-invoice": ("processed", None),
        "dead": ("failed", "attempts_exhausted"),
        "pending": ("pending", None),
        "half": ("processed", None),
    }
    done = final.orders["done"]
    assert (done.item, done.qty, done.email, done.task_id) == ("SKU-1", 2, ANN, "task-of-done")
    assert done.notification_task_id == "notice-of-done"
    assert done.processed_at_ms is not None
    assert abs(done.processed_at_ms - final.read_at_ms) < 60_000
    assert (final.orders["half"].item, final.orders["half"].qty) == (None, None)


def test_when_each_step_came_to_its_end(final: FinalState) -> None:
    ended = [
        final.orders["done"].processed_at_ms,
        final.orders["done"].invoice_ended_at_ms,
        final.notifications["notice-of-done"].closed_at_ms,
        final.notifications["notice-of-failed"].closed_at_ms,
    ]
    known = [at_ms for at_ms in ended if at_ms is not None]
    assert known == ended == sorted(known)
    assert known[-1] - known[0] < 60_000

    assert final.orders["no-invoice"].invoice_ended_at_ms is None
    assert final.orders["half"].invoice_ended_at_ms is None
    assert final.notifications["task-n"].closed_at_ms is None


def test_sets_stock_and_invoices(final: FinalState) -> None:
    assert final.orders_open == {"no-invoice", "pending"}
    assert final.orders_dead == {"dead"}
    assert final.notifications_open == {"task-n", "notice-of-no-invoice"}
    assert final.notifications_dead == {"notice-of-failed"}
    assert final.initial_stock == {"SKU-1": 10}
    assert final.stock == {"SKU-1": 6, "odd": None, "list": None}
    assert final.invoices == {"done": hashlib.sha256(PDF).hexdigest()}


def test_notifications(final: FinalState) -> None:
    assert {task_id: row.status for task_id, row in final.notifications.items()} == {
        "task-n": "pending",
        "notice-of-done": "delivered",
        "notice-of-failed": "failed",
        "notice-of-no-invoice": "pending",
    }
    assert final.notifications["task-n"] == FinalNotification(
        "task-n", "pending", ANN, "Your parcel is here.", 1
    )
    assert final.notifications["notice-of-failed"].reason == "no such mailbox"


def test_it_comes_back_from_a_file(final: FinalState) -> None:
    assert FinalState.from_json(json.loads(json.dumps(final.as_json()))) == final


def test_more_orders_than_are_read_at_once(valkey: ValkeyProcess, client: Redis) -> None:
    ids = {f"order-{number}" for number in range(250)}
    for order_id in ids:
        client.hset(f"order:{order_id}", mapping={"item": order_id, "qty": 1})
        client.set(f"invoice:{order_id}", order_id)

    with Redis.from_url(valkey.dsn(2)) as raw:
        final = read_final_state(raw, {})

    assert {order_id: row.item for order_id, row in final.orders.items()} == {
        order_id: order_id for order_id in ids
    }
    assert set(final.invoices) == ids


def test_deliveries_are_those_of_tasks_that_were_started(client: Redis) -> None:
    ledger = RedisTaskLedger(client)
    ledger.started(a_delivery("task-1", "one"))
    ledger.started(a_delivery("task-1", "two"))
    ledger.started(a_delivery("task-2", "one", task="send_notification"))
    client.hset("task:issued", mapping={"task": "process_order", "enqueued_at": 5})
    history = Memory()

    assert collect_deliveries(client, history) == 2

    found = {event.subject: dict(event.data) for event in history.events}
    assert found == {
        "task-1": {"task": "process_order", "deliveries": 2},
        "task-2": {"task": "send_notification", "deliveries": 1},
    }
    started_at_ms = {int(client.hget(f"task:{task_id}", "started_at")) for task_id in found}
    assert {event.at_ms for event in history.events} == started_at_ms
