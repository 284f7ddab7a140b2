"""Clients that send slowly, or nothing, and more of them than there are descriptors."""

import asyncio
import json
import logging
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from shop.api import server_answers
from shop.api.server_answers import DescriptorWatch, raise_descriptor_limit
from tests.unit.api.conftest import World
from tests.unit.api.test_framing import CHUNKED, is_problem
from tests.unit.api.test_protocol import LIVE, Client, full, order, serving
from tests.unit.checkout import REPOSITORY

CROWD = 1_000
TIMEOUT_S = 1.0
PARTS = {
    "head": LIVE[:-2],
    "body": order(1)[:-1],
    "chunks": CHUNKED + b"5\r\n{",
    "expected body": order(1, "Expect: 100-continue").partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
}


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Both ends of a crowd's connections are this process's."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    raise_descriptor_limit()
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 3 * CROWD:
        pytest.fail("the limit of file descriptors is too low here: raise `ulimit -Hn`")
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("part", ["head", "body"])
async def test_a_crowd_of_slow_clients_is_hung_up_on(
    world: World, many_descriptors: None, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(world, in_hand=0, timeout_s=TIMEOUT_S) as api:
        slow = []
        for _ in range(CROWD):
            slow.append(await api.connect())
            await slow[-1].send(PARTS[part])
        # Nobody else waits for them.
        assert (await (await api.connect()).ask(order(2))).status == 202

        async with asyncio.timeout(30):
            for client in slow:
                is_problem(await client.answer(), 408, "request-timeout")
                assert await client.is_closed()
            while not (said := lines(caplog)):  # noqa: ASYNC110 - the log has no event for it
                await asyncio.sleep(0.01)

    # A line for many, not one for each.
    assert len(said) < CROWD / 10
    assert set(world.store.orders) == {"order-2"}


@pytest.mark.parametrize("part", PARTS)
async def test_a_part_of_a_request_is_not_waited_for(world: World, part: str) -> None:
    async with serving(world, in_hand=0, timeout_s=0.2) as api:
        client = await api.connect()
        await client.send(PARTS[part])
        answer = await client.answer()
        if answer.status == 100:
            answer = await client.answer()
        is_problem(answer, 408, "request-timeout")
        assert await client.is_closed()
    assert world.is_untouched()


@pytest.mark.parametrize("before", [b"", b"\r\n", LIVE, LIVE + b"\r\n"])
async def test_who_says_nothing_is_hung_up_on_without_a_word(world: World, before: bytes) -> None:
    async with serving(world, in_hand=0, timeout_s=0.2) as api:
        client = await api.connect()
        if before.startswith(LIVE):
            assert (await client.ask(before)).status == 200
        else:
            await client.send(before)
        assert await client.is_closed()


async def test_a_trickle_does_not_help(world: World) -> None:
    async with serving(world, in_hand=0, timeout_s=0.3) as api:
        client = await api.connect()
        trickling = asyncio.create_task(trickle(client, order(1)))
        is_problem(await client.answer(), 408, "request-timeout")
        trickling.cancel()
        await asyncio.gather(trickling, return_exceptions=True)


async def test_a_body_that_never_comes_for_a_refused_order(world: World) -> None:
    async with serving(world, timeout_s=0.3) as api, full(api, world):
        client = await api.connect()
        assert (await client.ask(order(1)[:-1])).status == 503
        assert await client.is_closed()


async def test_time_for_the_answer_is_not_the_clients(world: World) -> None:
    async with serving(world, timeout_s=0.2) as api, full(api, world):
        client = await api.connect()
        # The store holds the first one back, and the second has come in part.
        await client.send(LIVE.replace(b"/health/live", b"/order/none") + LIVE[:-2])
        answer = await client.answer()
        assert answer.status == 503
        assert json.loads(answer.body)["type"] == "/problems/store-unavailable"
        assert (await client.ask(b"\r\n")).status == 200


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Of those that were hung up on."""
    said = [record.getMessage() for record in caplog.records]
    return [line for line in said if "hung up on: no whole request" in line]


async def test_a_pause_of_the_process_costs_nobody_the_connection(world: World) -> None:
    async with serving(world, in_hand=0, timeout_s=1.0) as api:
        clients = [await api.connect() for _ in range(20)]
        # In one pass of the loop: sent, and then nothing is read until the time is over.
        for client in clients:
            client.write(order(1))
        time.sleep(1.5)  # noqa: ASYNC251 - the loop is what is to stand still

        assert {(await client.answer()).status for client in clients} <= {200, 202}


async def trickle(client: Client, data: bytes) -> None:
    for place in range(len(data)):
        await client.send(data[place : place + 1])
        await asyncio.sleep(0.02)


async def test_the_log_says_once_that_descriptors_run_out(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_answers, "SPARE_DESCRIPTORS", 10_000_000)
    caplog.set_level(logging.WARNING)
    async with serving(world) as api:
        for _ in range(5):
            assert (await (await api.connect()).ask(LIVE)).status == 200

    (said,) = [r for r in caplog.records if "file descriptors run out" in r.getMessage()]
    assert said.levelname == "WARNING"


def test_nothing_is_said_while_there_are_enough(caplog: pytest.LogCaptureFixture) -> None:
    class Transport(asyncio.Transport):
        def get_extra_info(self, name: str, default: object = None) -> object:
            return sys.stdout if name == "none" else default

    DescriptorWatch().look_at(Transport())
    assert caplog.records == []


def test_the_limit_is_raised_as_far_as_it_may_be() -> None:
    code = (
        "import resource; from shop.api.server_answers import raise_descriptor_limit as r;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, 512)); r();"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert said.stdout.strip() == "(512, 512)"
