"""A record that somebody damaged by hand stops nobody else's."""

import logging
from collections.abc import Iterator

import pytest
from redis import Redis

from shop.adapters.redis.autopipeline import AutoPipeline
from shop.adapters.redis.client import connect, connect_async
from shop.adapters.redis.notifications import RedisNotificationBook
from shop.adapters.redis.order_intake import RedisOrderIntake
from shop.adapters.redis.orders import RedisOrderBook
from shop.domain.errors import UnreadableOrder
from shop.domain.work import TaskName
from testing.servers import ValkeyProcess
from testing.waiting import PATIENT_S
from tests.builders import a_notification, an_order


@pytest.fixture
def client(valkey: ValkeyProcess) -> Iterator[Redis]:
    with connect(valkey.dsn(2), "damage") as client:
        yield client


def damage(client: Redis, key: str, field: str | None, text: str | None) -> None:
    """As somebody does by hand: without a field the whole value, without a text the field goes."""
    if field is None:
        client.set(key, text or "")
    elif text is None:
        client.hdel(key, field)
    else:
        client.hset(key, field, text)


@pytest.mark.parametrize(
    ("key", "field", "text"),
    [
        ("order:damaged", "qty", None),
        ("order:damaged", "qty", "many"),
        ("order:damaged", "placed_at", None),
        ("order:damaged", "unit_price", "19.90"),
        ("order:damaged:status", None, "shipped"),
    ],
)
def test_the_sweep_passes_over_an_order(
    client: Redis,
    caplog: pytest.LogCaptureFixture,
    key: str,
    field: str | None,
    text: str | None,
) -> None:
    book = RedisOrderBook(client, overdue_after_ms=0)
    for order_id in ("damaged", "sound"):
        book.begin(an_order(order_id), f"task-of-{order_id}", "one")
    damage(client, key, field, text)

    with caplog.at_level(logging.ERROR, logger="shop.adapters.redis"):
        claim = book.claim_lost("default", queue_is_idle=True, limit=10)

    assert [record.order_id for record in claim.records] == ["sound"]
    assert client.zrange("orders:open", 0, -1) == ["sound"]
    assert "order damaged cannot be read" in caplog.text
    # Nobody finds it by itself any more: it is where people look.
    assert client.zrange("orders:dead", 0, -1) == ["damaged"]
    assert client.hget("order:damaged", "reason") == "unreadable"
    assert client.hgetall("metrics:dead") == {"order": "1"}
    with pytest.raises(UnreadableOrder):
        book.find("damaged")


def test_an_order_is_taken_up_again_once_it_is_put_right(client: Redis) -> None:
    book = RedisOrderBook(client, overdue_after_ms=0)
    order = an_order("damaged")
    book.begin(order, "task-1", "one")
    client.hset("order:damaged", "qty", "many")
    book.claim_lost("default", queue_is_idle=True, limit=10)
    with pytest.raises(UnreadableOrder):
        book.revive("damaged")
    client.hset("order:damaged", "qty", order.qty)

    (record,) = book.revive("damaged").records

    assert (record.owed, record.reason) == (TaskName.PROCESS_ORDER, None)
    assert client.zrange("orders:open", 0, -1) == ["damaged"]
    assert client.zrange("orders:dead", 0, -1) == []


@pytest.mark.parametrize(
    ("key", "field", "text"),
    [
        ("order:1001", "qty", "many"),
        ("order:1001", "task_id", None),
        ("order:1001:status", None, "shipped"),
    ],
)
async def test_the_api_can_tell_a_damaged_order_from_none(
    client: Redis, valkey: ValkeyProcess, key: str, field: str | None, text: str | None
) -> None:
    async with connect_async(valkey.dsn(2), "damage-api") as store:
        intake = RedisOrderIntake(
            AutoPipeline(store, within_s=PATIENT_S), overdue_after_ms=0, backlog_limit=0
        )
        await intake.place(an_order(), "task-1")
        damage(client, key, field, text)

        with pytest.raises(UnreadableOrder):
            await intake.find("1001")
        if field != "qty":
            with pytest.raises(UnreadableOrder):
                await intake.place(an_order(), "task-2")


async def test_when_it_was_placed_may_be_lost(client: Redis, valkey: ValkeyProcess) -> None:
    async with connect_async(valkey.dsn(2), "damage-api") as store:
        intake = RedisOrderIntake(
            AutoPipeline(store, within_s=PATIENT_S), overdue_after_ms=0, backlog_limit=0
        )
        await intake.place(an_order(), "task-1")
        client.hset("order:1001", "placed_at", "yesterday")

        again = await intake.place(an_order(), "task-2")

    assert (again.task_id, again.created) == ("task-1", False)


def test_the_sweep_passes_over_a_notification(
    client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    book = RedisNotificationBook(client, overdue_after_ms=0)
    for task_id in ("damaged", "sound"):
        book.begin(a_notification(), task_id, "one")
    client.hdel("notification:damaged", "message")

    with caplog.at_level(logging.ERROR, logger="shop.adapters.redis"):
        claim = book.claim_lost("priority", queue_is_idle=True, limit=10)

    assert [record.task_id for record in claim.records] == ["sound"]
    assert client.zrange("notifications:open", 0, -1) == ["sound"]
    assert client.zrange("notifications:dead", 0, -1) == ["damaged"]
    assert "notification damaged cannot be read" in caplog.text
