"""A Redis that is frozen, full, restarted or gone: errors in time, and it comes back by itself."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import redis.asyncio
import uvloop

from shop.adapters.redis.autopipeline import AutoPipeline
from shop.adapters.redis.client import (
    API_DEADLINE_S,
    connect,
    connect_async,
    store_deadline,
    store_errors,
)
from shop.adapters.redis.order_intake import RedisOrderIntake
from shop.adapters.redis.orders import RedisOrderBook
from shop.adapters.redis.presence import RedisReadiness
from shop.adapters.redis.stock import RedisStockRoom
from shop.domain.errors import StoreUnavailable
from shop.domain.order import Placement
from shop.domain.stock import StockLevel
from testing.servers import ValkeyProcess, running_valkey
from tests.builders import an_order
from tests.conftest import MakeSettings

#: What a loaded machine may add to a deadline; the API has 2 s.
GRACE_S = 0.9
CROWD = 100


@pytest.fixture(scope="module")
def own_server() -> Iterator[ValkeyProcess]:
    """One that may be frozen, filled and killed."""
    with running_valkey(appendonly=True) as server:
        yield server


@pytest.fixture
def server(own_server: ValkeyProcess) -> ValkeyProcess:
    with own_server.client() as client:
        client.flushall()
    return own_server


@pytest.fixture
async def store(server: ValkeyProcess) -> AsyncIterator["redis.asyncio.Redis"]:
    client = connect_async(server.dsn(2), "test-api")
    yield client
    await client.aclose()


@pytest.fixture
def intake(store: "redis.asyncio.Redis") -> RedisOrderIntake:
    return RedisOrderIntake(AutoPipeline(store), overdue_after_ms=2_000, backlog_limit=0)


async def place(intake: RedisOrderIntake, order_id: str) -> Placement:
    return await intake.place(an_order(order_id), f"task-of-{order_id}")


class TestFrozen:
    async def test_the_api_is_told_in_time_connected_or_not(
        self, server: ValkeyProcess, intake: RedisOrderIntake, store: "redis.asyncio.Redis"
    ) -> None:
        await place(intake, "connected")
        server.freeze()
        try:
            for attempt in ("connected", "connecting"):
                began_s = time.monotonic()
                with pytest.raises(StoreUnavailable):
                    await place(intake, attempt)
                assert time.monotonic() - began_s < API_DEADLINE_S + GRACE_S, attempt
            began_s = time.monotonic()
            assert await RedisReadiness(store).missing() == ["redis"]
            assert time.monotonic() - began_s < API_DEADLINE_S + GRACE_S
        finally:
            server.thaw()

    async def test_a_crowd_is_told_in_time_and_served_afterwards(
        self, server: ValkeyProcess, intake: RedisOrderIntake
    ) -> None:
        server.freeze()
        began_s = time.monotonic()
        try:
            refused = await asyncio.gather(
                *(place(intake, f"frozen-{number}") for number in range(CROWD)),
                return_exceptions=True,
            )
        finally:
            server.thaw()

        assert {type(error) for error in refused} == {StoreUnavailable}
        assert time.monotonic() - began_s < API_DEADLINE_S + GRACE_S
        served = await asyncio.gather(
            *(place(intake, f"thawed-{number}") for number in range(CROWD))
        )
        assert all(placement.created for placement in served)


class TestAway:
    async def test_the_api_comes_back_by_itself(
        self, server: ValkeyProcess, intake: RedisOrderIntake
    ) -> None:
        placed = await place(intake, "before")
        server.kill()
        with pytest.raises(StoreUnavailable):
            await place(intake, "during")

        server.start()

        assert (await place(intake, "after")).created
        # Acknowledged before the kill, so in the append-only file.
        assert await place(intake, "before") == placed

    async def test_a_worker_comes_back_by_itself(self, server: ValkeyProcess) -> None:
        with connect(server.dsn(2), "test-worker") as client:
            book = RedisOrderBook(client, overdue_after_ms=2_000)
            book.begin(an_order(), "task-1", "one")
            server.kill()
            with pytest.raises(StoreUnavailable):
                book.begin(an_order(), "task-1", "one")

            server.start()

            assert book.begin(an_order(), "task-1", "one").attempts == 1

    async def test_scripts_that_the_server_forgot_are_sent_again(
        self, server: ValkeyProcess, intake: RedisOrderIntake
    ) -> None:
        await place(intake, "before")
        with server.client() as client:
            client.script_flush()

        assert (await place(intake, "after")).created


class TestFull:
    @pytest.fixture(autouse=True)
    def _full(self, server: ValkeyProcess) -> Iterator[None]:
        with server.client(2) as client:
            client.set("stock:SKU-1", "10")
            client.config_set("maxmemory", "1")
            yield
            client.config_set("maxmemory", "0")

    async def test_the_api_is_told_and_nothing_is_recorded(
        self, server: ValkeyProcess, intake: RedisOrderIntake
    ) -> None:
        with pytest.raises(StoreUnavailable):
            await place(intake, "one-too-many")

        with server.client(2) as client:
            assert list(client.scan_iter()) == ["stock:SKU-1"]

    async def test_nothing_happens_by_halves(self, server: ValkeyProcess) -> None:
        with connect(server.dsn(2), "test-worker") as client:
            book = RedisOrderBook(client, overdue_after_ms=2_000)
            with pytest.raises(StoreUnavailable):
                book.begin(an_order(), "task-1", "one")
            with pytest.raises(StoreUnavailable):
                RedisStockRoom(client, timezone="UTC").put(StockLevel("SKU-2", 1))

            assert list(client.scan_iter()) == ["stock:SKU-1"]


@pytest.mark.parametrize("password", ["plain", "p@ss:w/ord#?%41 ä"])
async def test_a_password_of_any_letters_works(make_settings: MakeSettings, password: str) -> None:
    with running_valkey(options={"requirepass": password}) as server:
        settings = make_settings(redis_port=server.port, redis_password=password)
        async with connect_async(settings.store_dsn, "test") as client:
            assert await client.ping()

        wrong = make_settings(redis_port=server.port, redis_password="guessed")
        async with connect_async(wrong.store_dsn, "test") as client:
            assert await RedisReadiness(client).missing() == ["redis"]


def test_connections_say_whose_they_are(server: ValkeyProcess) -> None:
    with connect(server.dsn(2), "shop-worker") as client:
        assert client.client_getname() == "shop-worker"


def test_a_connection_that_was_reset_between_two_uses_is_no_answer() -> None:
    """uvloop says so by a plain RuntimeError, and redis-py does not translate it."""

    async def use_a_reset_connection() -> None:
        near, far = socket.socketpair()
        with far:
            _, writer = await asyncio.open_connection(sock=near)
            writer.transport.abort()
            await asyncio.sleep(0)
            async with store_deadline():
                # The pipe is gone one turn of the loop later.
                while True:
                    writer.transport.write(b"PING")
                    await asyncio.sleep(0)

    with pytest.raises(StoreUnavailable, match="reset"):
        uvloop.run(use_a_reset_connection())


def test_other_runtime_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="a fault of ours"), store_errors():
        raise RuntimeError("a fault of ours")
