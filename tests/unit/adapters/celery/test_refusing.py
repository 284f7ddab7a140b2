"""A connection of kombu's or Celery's ends when Redis refuses, and is made anew afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery import Celery
from kombu import Connection
from redis import Redis, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import ResponseError

from shop.adapters.celery.app import create_worker_app
from shop.adapters.celery.backend import use_round_trips
from shop.adapters.celery.config import name_connections
from shop.adapters.celery.refusing import (
    ReconnectOnRefusal,
    RefusalConnection,
    RefusalSSLConnection,
    reconnecting,
)
from testing.servers import ValkeyProcess, running_valkey
from tests.conftest import MakeSettings

#: redis-py's connections have no types.
Refusing: Any = RefusalConnection


@contextmanager
def without_replicas(server: Redis) -> Iterator[None]:
    server.config_set("min-replicas-to-write", 1)
    try:
        yield
    finally:
        server.config_set("min-replicas-to-write", 0)


@pytest.fixture
def server(valkey: ValkeyProcess) -> Iterator[Redis]:
    with valkey.client() as client:
        yield client


@pytest.fixture
def connection(valkey: ValkeyProcess) -> Iterator[Any]:
    connection = Refusing(host="127.0.0.1", port=valkey.port, client_name="a-worker")
    yield connection
    connection.disconnect()


def asked(connection: Any, *words: object) -> object:
    connection.send_command(*words)
    return connection.read_response()


def test_a_refusal_is_the_loss_of_the_connection(connection: Any, server: Redis) -> None:
    with without_replicas(server), pytest.raises(RedisGone, match="NOREPLICAS"):
        asked(connection, "SET", "key", 1)

    assert not connection.is_connected
    assert asked(connection, "SET", "key", 1) in (b"OK", "OK")


def test_what_follows_a_refusal_is_read_by_nobody(connection: Any, server: Redis) -> None:
    with without_replicas(server):
        connection.send_command("SET", "key", 1)
        connection.send_command("GET", "key")
        with pytest.raises(RedisGone):
            connection.read_response()

    assert asked(connection, "ECHO", "mine") in (b"mine", "mine")


def test_a_wrong_request_is_not(connection: Any, server: Redis) -> None:
    server.set("text", "text")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        asked(connection, "LPUSH", "text", 1)

    assert connection.is_connected


def test_redis_may_refuse_what_is_of_no_importance(valkey: ValkeyProcess, server: Redis) -> None:
    """Such as the name of the client's library, in redis-py's greeting."""
    server.execute_command("ACL SETUSER small on >secret ~* +@all -client|setinfo")
    connection = Refusing(host="127.0.0.1", port=valkey.port, username="small", password="secret")
    try:
        assert asked(connection, "PING") in (b"PONG", "PONG")
    finally:
        connection.disconnect()
        server.execute_command("ACL DELUSER small")


def test_a_greeting_that_is_refused_is_a_loss(valkey: ValkeyProcess, server: Redis) -> None:
    server.execute_command("ACL SETUSER small on >secret ~* +@all -select")
    connection = Refusing(
        host="127.0.0.1", port=valkey.port, username="small", password="secret", db=3
    )
    try:
        with pytest.raises(RedisGone, match="NOPERM"):
            connection.connect()
    finally:
        connection.disconnect()
        server.execute_command("ACL DELUSER small")


def test_every_way_to_a_server_has_one() -> None:
    assert reconnecting(RefusalConnection) is RefusalConnection
    assert reconnecting(SSLConnection) is RefusalSSLConnection
    assert issubclass(reconnecting(UnixDomainSocketConnection), ReconnectOnRefusal)


@pytest.fixture
def app(valkey: ValkeyProcess, make_settings: MakeSettings) -> Celery:
    return create_worker_app(make_settings(redis_port=valkey.port))


def test_kombus_and_celerys_connections_are_such(app: Celery) -> None:
    use_round_trips(app, lambda: None)
    with app.connection_for_read() as broker:
        channel = broker.default_channel
        for client in (channel.client, channel._create_client(), channel.subclient):
            assert issubclass(client.connection_pool.connection_class, ReconnectOnRefusal)
    results = app.backend.client.connection_pool
    assert issubclass(results.connection_class, ReconnectOnRefusal)


def test_connections_have_names(app: Celery, server: Redis) -> None:
    name_connections(app, "worker-a\u00f1o nuevo")
    with app.connection_for_read() as broker:
        broker.default_channel.client.ping()
        app.backend.client.ping()
        names = {client["name"] for client in server.client_list()}

    assert {"shop-worker-a_o_nuevo-broker", "shop-worker-a_o_nuevo-results"} <= names


@pytest.mark.parametrize("setting", [("maxmemory", "1"), ("min-replicas-to-write", "1")])
def test_whoever_connects_waits_until_the_server_takes_writes(
    app: Celery, server: Redis, setting: tuple[str, str]
) -> None:
    refused: list[BaseException] = []
    name, value = setting
    server.config_set(name, value)

    def heal_at_the_third(error: BaseException, _: float) -> None:
        refused.append(error)
        if len(refused) == 3:
            server.config_set(name, 0)

    try:
        with app.connection_for_read() as connection:
            connection.ensure_connection(heal_at_the_third)
            assert connection.connected
            assert _channels(connection) == 1
    finally:
        server.config_set(name, 0)
    assert len(refused) == 3


def _channels(connection: Connection) -> int:
    """Those that are open, and polled."""
    transport = connection.transport
    assert len(transport.cycle._channels) == len(transport._avail_channels)
    return len(transport._avail_channels)


def test_a_refused_channel_leaves_no_connection_behind(app: Celery) -> None:
    with running_valkey() as own, own.client() as server:
        app.conf.broker_url = own.dsn(0)
        server.config_set("min-replicas-to-write", 1)
        with app.connection_for_read() as connection:
            for _ in range(3):
                with pytest.raises(connection.connection_errors):
                    connection.transport.establish_connection()
            named = [c for c in server.client_list() if c["name"].endswith("-broker")]
    assert named == []
