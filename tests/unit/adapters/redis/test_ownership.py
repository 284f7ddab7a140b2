"""Whose the broker's database is, over real servers."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Self

import pytest
from redis import Redis

from shop.adapters.redis import ownership
from shop.adapters.redis.client import connect_async
from shop.adapters.redis.ownership import (
    SHOP_OWNER,
    AsyncBrokerOwnership,
    BrokerOwnership,
    OwnedPublisher,
    OwnedReadiness,
    Ownership,
)
from shop.domain.errors import ForeignBroker, PublishFailed, StoreUnavailable
from shop.domain.work import Job, TaskName
from testing.servers import ValkeyProcess, free_port, running_valkey

Require = Callable[[], None]
JOB = Job(TaskName.PROCESS_ORDER, ("1", "A", 1, "ann@example.com"), "an-id", 0)


@pytest.fixture(scope="module")
def other_server() -> Iterator[ValkeyProcess]:
    with running_valkey(options={"requirepass": "hunter2"}) as server:
        yield server


@pytest.fixture
def elsewhere(other_server: ValkeyProcess) -> ValkeyProcess:
    """An empty server for stores, beside that of the broker."""
    with other_server.client() as client:
        client.flushall()
    return other_server


@pytest.fixture
def broker(valkey: ValkeyProcess) -> Iterator[Redis]:
    with valkey.client(0) as client:
        yield client


def a_process(store: ValkeyProcess, db: int, broker: ValkeyProcess) -> Require:
    return BrokerOwnership(store.dsn(db), broker.dsn(0)).require


def test_every_process_of_the_first_shop_may_use_it(valkey: ValkeyProcess, broker: Redis) -> None:
    for _ in range(3):
        a_process(valkey, 2, valkey)()
    with valkey.client(2) as store:
        assert broker.get(SHOP_OWNER).split(" ", 1)[0] == store.get("shop:id")


def test_a_shop_of_old_with_orders_and_messages_is_not_disturbed(
    valkey: ValkeyProcess, broker: Redis
) -> None:
    broker.lpush("default", "a message")
    with valkey.client(2) as store:
        store.set("order:1:status", "pending")
    a_process(valkey, 2, valkey)()
    assert broker.llen("default") == 1


def test_another_database_is_another_shop_and_both_places_are_named(valkey: ValkeyProcess) -> None:
    a_process(valkey, 2, valkey)()
    with pytest.raises(ForeignBroker) as refused:
        a_process(valkey, 3, valkey)()
    said = str(refused.value)
    assert f"127.0.0.1:{valkey.port}/0 belongs to another shop" in said
    assert "store is database 2 of the same server; this one's is database 3" in said
    assert "CELERY_BROKER_DSN" in said
    assert f"DEL {SHOP_OWNER}" in said
    assert "\n" not in said


def test_a_store_on_another_server_is_another_shop_and_no_password_is_shown(
    valkey: ValkeyProcess, elsewhere: ValkeyProcess
) -> None:
    a_process(elsewhere, 2, valkey)()
    with pytest.raises(ForeignBroker) as refused:
        a_process(valkey, 2, valkey)()
    assert f"127.0.0.1:{elsewhere.port}/2" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_of_two_shops_that_come_at_once_one_is_refused(valkey: ValkeyProcess) -> None:
    """Each is asked in turn, command by command."""
    shops = [Ownership.of(valkey.dsn(db), valkey.dsn(0)) for db in (2, 3)]
    claims = [(shop.claim(), db) for shop, db in zip(shops, (2, 3), strict=True)]
    asked = [next(claim) for claim, _ in claims]
    outcomes: list[str | None] = []
    with valkey.client(0) as broker, valkey.client(2) as two, valkey.client(3) as three:
        while len(outcomes) < 2:
            for at, (claim, db) in enumerate(claims):
                side, command = asked[at]
                client = {2: two, 3: three}[db] if side is ownership._Side.STORE else broker
                try:
                    asked[at] = claim.send(client.execute_command(*command))
                except StopIteration as end:
                    outcomes.append(end.value)
    assert outcomes.count(None) == 1


@pytest.mark.parametrize("again", [False, True], ids=["a new process", "the same process"])
def test_an_emptied_store_beside_the_broker_is_the_same_one(
    valkey: ValkeyProcess, again: bool
) -> None:
    process = a_process(valkey, 2, valkey)
    process()
    with valkey.client(2) as store:
        before = store.get("shop:id")
        store.flushdb()
        (process if again else a_process(valkey, 2, valkey))()
        assert store.get("shop:id") == before


def test_so_is_one_that_was_filled_with_another_shops_data(valkey: ValkeyProcess) -> None:
    a_process(valkey, 2, valkey)()
    with valkey.client(2) as store:
        store.set("shop:id", "from-a-copy")
    a_process(valkey, 2, valkey)()


def test_a_process_knows_its_store_again_that_was_emptied_elsewhere(
    valkey: ValkeyProcess, elsewhere: ValkeyProcess
) -> None:
    process = a_process(elsewhere, 2, valkey)
    process()
    with elsewhere.client(2) as store:
        store.flushdb()
    process()
    a_process(elsewhere, 2, valkey)()


def test_what_was_emptied_elsewhere_with_nobody_there_is_told_the_way_out(
    valkey: ValkeyProcess, elsewhere: ValkeyProcess, broker: Redis
) -> None:
    a_process(elsewhere, 2, valkey)()
    with elsewhere.client(2) as store:
        store.flushdb()
    with pytest.raises(ForeignBroker, match="moved, emptied or restored, DEL shop:owner"):
        a_process(elsewhere, 2, valkey)()
    broker.delete(SHOP_OWNER)
    a_process(elsewhere, 2, valkey)()


def test_a_shop_that_moves_takes_the_broker_with_it(valkey: ValkeyProcess, broker: Redis) -> None:
    a_process(valkey, 2, valkey)()
    broker.delete(SHOP_OWNER)
    a_process(valkey, 3, valkey)()
    with pytest.raises(ForeignBroker):
        a_process(valkey, 2, valkey)()


@pytest.mark.parametrize("text", ["", "no-space", "an id that nobody has"])
def test_what_somebody_else_wrote_there_is_no_permission(
    valkey: ValkeyProcess, broker: Redis, text: str
) -> None:
    broker.set(SHOP_OWNER, text)
    with pytest.raises(ForeignBroker):
        a_process(valkey, 2, valkey)()


def test_a_key_of_another_type_is_none_either(valkey: ValkeyProcess, broker: Redis) -> None:
    broker.lpush(SHOP_OWNER, "one", "two")
    with pytest.raises(ForeignBroker, match="unreadable"):
        a_process(valkey, 2, valkey)()


def test_a_full_server_is_no_reason_to_refuse_its_own_shop(valkey: ValkeyProcess) -> None:
    a_process(valkey, 2, valkey)()
    with valkey.client() as client:
        client.config_set("maxmemory", "1")
        try:
            a_process(valkey, 2, valkey)()
        finally:
            client.config_set("maxmemory", "0")


def test_what_cannot_be_asked_or_written_is_unavailable(valkey: ValkeyProcess) -> None:
    gone = f"redis://127.0.0.1:{free_port()}/0"
    for store, broker in ((gone, valkey.dsn(0)), (valkey.dsn(2), gone)):
        with pytest.raises(StoreUnavailable):
            BrokerOwnership(store, broker).require()
    with valkey.client() as client:
        client.config_set("maxmemory", "1")
        try:
            with pytest.raises(StoreUnavailable):
                a_process(valkey, 4, valkey)()
        finally:
            client.config_set("maxmemory", "0")


class Published(list[Job]):
    """What the API has sent."""

    async def publish(self, job: Job) -> None:
        self.append(job)


class Api:
    """The API's side over a store."""

    def __init__(self, server: ValkeyProcess, db: int) -> None:
        self.store = connect_async(server.dsn(db), "test")
        self.broker = connect_async(server.dsn(0), "test")
        self.ownership = AsyncBrokerOwnership(
            self.store, self.broker, store_dsn=server.dsn(db), broker_dsn=server.dsn(0)
        )
        self.published = Published()
        self.publisher = OwnedPublisher(self.published, self.ownership)
        self.readiness = OwnedReadiness(self.store, self.ownership)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.store.aclose()
        await self.broker.aclose()


async def test_the_api_publishes_for_its_own_shop_and_asks_once(
    valkey: ValkeyProcess, broker: Redis
) -> None:
    async with Api(valkey, 2) as api:
        await asyncio.gather(*(api.publisher.publish(JOB) for _ in range(20)))
        asked = broker.info("commandstats")["cmdstat_get"]["calls"]
        await asyncio.gather(*(api.publisher.publish(JOB) for _ in range(20)))
        assert len(api.published) == 40
        assert broker.info("commandstats")["cmdstat_get"]["calls"] == asked
        assert not [one for one in await api.readiness.missing() if "broker" in one]


async def test_the_api_publishes_nothing_for_another_shop_and_readiness_says_so(
    valkey: ValkeyProcess, broker: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_process(valkey, 3, valkey)()
    async with Api(valkey, 2) as api:
        with pytest.raises(PublishFailed, match="belongs to another shop"):
            await api.publisher.publish(JOB)
        assert "broker: it belongs to another shop" in await api.readiness.missing()
        assert api.published == []
        # It looks again, for an operator may have put it right.
        broker.delete(SHOP_OWNER)
        monkeypatch.setattr(ownership, "LOOK_AGAIN_AFTER_S", 0.0)
        await api.publisher.publish(JOB)
        assert api.published == [JOB]


async def test_an_api_whose_redis_is_away_asks_as_soon_as_it_is_back() -> None:
    with running_valkey() as server:
        server.stop()
        async with Api(server, 2) as api:
            with pytest.raises(PublishFailed):
                await api.publisher.publish(JOB)
            assert await api.readiness.missing() == ["redis"]
            server.start()
            await api.publisher.publish(JOB)
            assert api.published == [JOB]


async def test_a_frozen_redis_keeps_nobody_waiting(valkey: ValkeyProcess) -> None:
    async with Api(valkey, 2) as api:
        valkey.freeze()
        try:
            with pytest.raises(PublishFailed):
                async with asyncio.timeout(2.0):
                    await asyncio.gather(*(api.publisher.publish(JOB) for _ in range(5)))
        finally:
            valkey.thaw()
