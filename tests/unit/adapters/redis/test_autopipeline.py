"""Commands that are sent together, each with a fate of its own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import redis.asyncio
from redis.client import NEVER_DECODE
from redis.exceptions import ResponseError

from shop.adapters.redis.autopipeline import BATCH, AutoPipeline
from shop.adapters.redis.client import connect_async
from shop.adapters.redis.scripts import Script
from shop.domain.errors import StoreUnavailable
from testing.servers import ValkeyProcess, running_valkey

WITHIN_S = 0.3
GRACE_S = 0.7


@pytest.fixture(scope="module")
def own_server() -> Iterator[ValkeyProcess]:
    """One that may be frozen and killed."""
    with running_valkey() as server:
        yield server


@pytest.fixture
async def client(own_server: ValkeyProcess) -> AsyncIterator["redis.asyncio.Redis"]:
    with own_server.client() as plain:
        plain.flushall()
        plain.script_flush()
    connected = connect_async(own_server.dsn(), "test-pipeline")
    yield connected
    await connected.aclose()


@pytest.fixture
async def pipeline(client: "redis.asyncio.Redis") -> AsyncIterator[AutoPipeline]:
    opened = AutoPipeline(client, within_s=WITHIN_S)
    yield opened
    await opened.close()


async def test_each_gets_its_own_reply(pipeline: AutoPipeline) -> None:
    replies = await asyncio.gather(*(pipeline.run("ECHO", str(number)) for number in range(1000)))

    assert replies == [str(number) for number in range(1000)]


async def test_concurrent_commands_share_round_trips(
    pipeline: AutoPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips: list[int] = []
    round_trip = AutoPipeline._round_trip

    async def counted(self: AutoPipeline, batch: list[Any]) -> None:
        trips.append(len(batch))
        await round_trip(self, batch)

    monkeypatch.setattr(AutoPipeline, "_round_trip", counted)

    await asyncio.gather(*(pipeline.run("INCR", "counter") for _ in range(2 * BATCH + 1)))

    assert trips == [BATCH, BATCH, 1]


async def test_one_that_fails_fails_alone(pipeline: AutoPipeline) -> None:
    await pipeline.run("SET", "text", "not a number")

    outcomes = await asyncio.gather(
        pipeline.run("ECHO", "before"),
        pipeline.run("INCR", "text"),
        pipeline.run("ECHO", "after"),
        return_exceptions=True,
    )

    assert outcomes[0] == "before"
    assert isinstance(outcomes[1], ResponseError)
    assert outcomes[2] == "after"


async def test_several_commands_of_one_request(pipeline: AutoPipeline) -> None:
    await pipeline.run("HSET", "hash", "field", "value")

    assert await pipeline.run_all(("HGETALL", "hash"), ("GET", "none"), ("EXISTS", "hash")) == [
        {"field": "value"},
        None,
        1,
    ]
    with pytest.raises(ResponseError):
        await pipeline.run_all(("ECHO", "fine"), ("INCR", "hash"), ("INCR", "hash"))


async def test_bytes_stay_bytes_where_that_is_asked_for(pipeline: AutoPipeline) -> None:
    await pipeline.run("SET", "pdf", b"\xff\x00")

    assert await pipeline.run("GET", "pdf", **{NEVER_DECODE: True}) == b"\xff\x00"


async def test_a_server_is_taught_the_script_that_it_lacks(
    pipeline: AutoPipeline, own_server: ValkeyProcess
) -> None:
    script = Script.named("place_notification")
    keys = ["notification:1", "notifications:open", "task:1"]
    args = ["1", "ann@example.com", "Hello", 1000, 60, "send_notification"]

    for _ in range(2):
        assert await pipeline.run_script(script, keys, args) > 0

    with own_server.client() as client:
        assert client.script_exists(script.sha1) == [True]


async def test_whoever_gives_up_before_it_is_sent_leaves_nothing_behind(
    pipeline: AutoPipeline, own_server: ValkeyProcess
) -> None:
    given_up = asyncio.create_task(pipeline.run("SET", "given-up", "1"))
    kept = asyncio.create_task(pipeline.run("SET", "kept", "1"))
    # Both have asked, and the sender has not had its turn.
    await asyncio.sleep(0)
    given_up.cancel()
    await kept

    with own_server.client() as client:
        assert client.keys() == ["kept"]


async def test_a_frozen_server_costs_nobody_more_than_the_limit(
    pipeline: AutoPipeline, own_server: ValkeyProcess
) -> None:
    await pipeline.run("PING")
    loop = asyncio.get_running_loop()
    own_server.freeze()
    began_s = loop.time()
    try:
        # The second crowd comes while the first is waited for.
        first = [asyncio.create_task(pipeline.run("PING")) for _ in range(5)]
        await asyncio.sleep(WITHIN_S / 2)
        second = [asyncio.create_task(pipeline.run("PING")) for _ in range(5)]
        outcomes = await asyncio.gather(*first, *second, return_exceptions=True)
        took_s = loop.time() - began_s
    finally:
        own_server.thaw()

    assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
    assert len(set(map(id, outcomes))) == len(outcomes)
    assert took_s < WITHIN_S + GRACE_S
    assert await pipeline.run("PING")


async def test_it_goes_on_once_a_killed_server_is_back(
    pipeline: AutoPipeline, own_server: ValkeyProcess
) -> None:
    await pipeline.run("PING")
    own_server.kill()
    with pytest.raises(StoreUnavailable):
        await pipeline.run("PING")

    own_server.start()

    assert await pipeline.run("PING")


async def test_closing_lets_nobody_hang(
    client: "redis.asyncio.Redis", own_server: ValkeyProcess
) -> None:
    pipeline = AutoPipeline(client, within_s=60)
    await pipeline.run("PING")
    own_server.freeze()
    try:
        waiting = [asyncio.create_task(pipeline.run("PING")) for _ in range(3)]
        await asyncio.sleep(0)
        await pipeline.close()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    finally:
        own_server.thaw()

    assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
