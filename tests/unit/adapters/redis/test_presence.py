"""Workers that were heard of before the server's clock was set back."""

from collections.abc import Iterator

import pytest
from redis import Redis

from shop.adapters.redis import keys
from shop.adapters.redis.client import connect
from shop.adapters.redis.presence import RedisPresence
from testing.servers import ValkeyProcess

HOUR_MS = 3_600_000


@pytest.fixture
def client(valkey: ValkeyProcess) -> Iterator[Redis]:
    with connect(valkey.dsn(2), "presence") as client:
        yield client


def test_a_beat_from_the_future_is_no_life(client: Redis) -> None:
    presence = RedisPresence(client)
    presence.beat("default", "killed@here")
    client.zincrby(keys.workers("default"), HOUR_MS, "killed@here")

    assert presence.consumers()["default"].alive == 0
    presence.beat("default", "alive@here")
    assert presence.consumers()["default"].alive == 1
    assert client.zrange(keys.workers("default"), 0, -1) == ["alive@here"]


def test_whoever_lives_beats_again(client: Redis) -> None:
    presence = RedisPresence(client)
    presence.beat("default", "alive@here")
    client.zincrby(keys.workers("default"), HOUR_MS, "alive@here")

    presence.beat("default", "alive@here")

    assert presence.consumers()["default"].alive == 1
