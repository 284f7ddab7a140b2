"""A server that refuses, for now: `StoreUnavailable`, and all is as before once it stops."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import redis.asyncio
from redis import Redis
from redis.exceptions import ConnectionError as RedisGone

from shop.adapters.redis.autopipeline import AutoPipeline
from shop.adapters.redis.client import connect, connect_async, store_errors
from shop.adapters.redis.order_intake import RedisOrderIntake
from shop.adapters.redis.orders import RedisOrderBook
from shop.adapters.redis.trips import Command, RoundTrips
from shop.domain.errors import StoreUnavailable
from testing.servers import ValkeyProcess, running_valkey
from tests.builders import an_order, follow_ups


@pytest.fixture(scope="module")
def own_server() -> Iterator[ValkeyProcess]:
    with running_valkey() as server:
        yield server


@pytest.fixture
def server(own_server: ValkeyProcess) -> ValkeyProcess:
    with own_server.client() as client:
        client.flushall()
    return own_server


@pytest.fixture
def store(server: ValkeyProcess) -> Iterator[Redis]:
    with connect(server.dsn(2), "test") as client:
        yield client


@pytest.fixture
async def async_store(server: ValkeyProcess) -> AsyncIterator["redis.asyncio.Redis"]:
    client = connect_async(server.dsn(2), "test-api")
    yield client
    await client.aclose()


@contextmanager
def configured(server: ValkeyProcess, name: str, value: str) -> Iterator[None]:
    with server.client() as client:
        before = client.config_get(name)[name]
        client.config_set(name, value)
        try:
            yield
        finally:
            client.config_set(name, before)


@contextmanager
def read_only(server: ValkeyProcess) -> Iterator[None]:
    with server.client() as client:
        client.replicaof("127.0.0.1", 1)
        try:
            yield
        finally:
            client.replicaof("NO", "ONE")


@contextmanager
def without_permission(server: ValkeyProcess) -> Iterator[None]:
    with server.client() as client:
        # Those that are connected keep their account, and may do less.
        client.execute_command("ACL", "SETUSER", "default", "-@write", "-@scripting")
        try:
            yield
        finally:
            client.execute_command("ACL", "SETUSER", "default", "+@all")


REFUSALS: dict[str, Callable[[ValkeyProcess], AbstractContextManager[None]]] = {
    "OOM": lambda server: configured(server, "maxmemory", "1"),
    "NOREPLICAS": lambda server: configured(server, "min-replicas-to-write", "1"),
    "READONLY": read_only,
    "NOPERM": without_permission,
}
every_refusal = pytest.mark.parametrize("refusing", REFUSALS.values(), ids=REFUSALS)
Refusing = Callable[[ValkeyProcess], AbstractContextManager[None]]


@every_refusal
async def test_the_api_places_an_order_once_the_refusal_is_over(
    server: ValkeyProcess, async_store: "redis.asyncio.Redis", refusing: Refusing
) -> None:
    intake = RedisOrderIntake(AutoPipeline(async_store), overdue_after_ms=2_000, backlog_limit=0)
    await intake.place(an_order("before"), "task-0")

    with refusing(server):
        with pytest.raises(StoreUnavailable):
            await intake.place(an_order(), "task-1")
        # Nothing of it is half done.
        found = await intake.find("1001")
        assert found is None

    assert (await intake.place(an_order(), "task-1")).created


@every_refusal
def test_a_worker_settles_an_order_once_the_refusal_is_over(
    server: ValkeyProcess, store: Redis, refusing: Refusing
) -> None:
    book = RedisOrderBook(store, overdue_after_ms=2_000)
    order = an_order()
    book.begin(order, "task-1", "one")

    with refusing(server), pytest.raises(StoreUnavailable):
        book.settle(order.id, order.item, follow_ups(order))

    assert book.settle(order.id, order.item, follow_ups(order)).reason == "unknown_item"


def test_a_read_only_server_ends_a_clients_connection(server: ValkeyProcess, store: Redis) -> None:
    before = store.client_id()
    with read_only(server), pytest.raises(RedisGone, match="read only"):
        store.set("key", "1")

    assert store.client_id() != before


def test_a_read_only_server_ends_a_threads_connection(server: ValkeyProcess, store: Redis) -> None:
    trips = RoundTrips(store)
    (before,) = trips.ask(Command(("CLIENT", "ID")))
    with read_only(server), pytest.raises(RedisGone, match="read only"):
        trips.ask(Command(("SET", "key", "1")))

    assert trips.ask(Command(("CLIENT", "ID"))) != [before]
    trips.close()


async def test_a_read_only_server_ends_the_apis_connection(
    server: ValkeyProcess, async_store: "redis.asyncio.Redis"
) -> None:
    pipeline = AutoPipeline(async_store)
    before = await pipeline.run("CLIENT", "ID")
    with read_only(server), pytest.raises(StoreUnavailable, match="read only"), store_errors():
        await pipeline.run("SET", "key", "1")

    assert await pipeline.run("CLIENT", "ID") != before
