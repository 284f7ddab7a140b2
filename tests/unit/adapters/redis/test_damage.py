"""A record that somebody damaged by hand stops nobody else's."""

import logging
from collections.abc import Iterator

import pytest
from redis import Redis

from shop.adapters.redis.client import connect
from shop.adapters.redis.notifications import RedisNotificationBook
from shop.adapters.redis.orders import RedisOrderBook
from testing.servers import ValkeyProcess
from tests.builders import a_notification, an_order


@pytest.fixture
def client(valkey: ValkeyProcess) -> Iterator[Redis]:
    with connect(valkey.dsn(2), "damage") as client:
        yield client


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
    if field is None:
        client.set(key, text or "")
    elif text is None:
        client.hdel(key, field)
    else:
        client.hset(key, field, text)

    with caplog.at_level(logging.ERROR, logger="shop.adapters.redis"):
        claim = book.claim_lost("default", queue_is_idle=True, limit=10)

    assert [record.order_id for record in claim.records] == ["sound"]
    assert client.zrange("orders:open", 0, -1) == ["sound"]
    assert "order damaged cannot be read" in caplog.text


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
    assert "notification damaged cannot be read" in caplog.text
