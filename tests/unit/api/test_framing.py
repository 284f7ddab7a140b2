"""What the server refuses by itself, and what it is not to choke on."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import pytest

from shop.api.protocol import MAX_HEAD_BYTES
from tests.unit.api.conftest import World
from tests.unit.api.test_orders import ORDER
from tests.unit.api.test_protocol import LIVE, Answer, Api, order, serving
from tests.unit.api.test_shedding import Gate

HEAD = b"POST /order HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
UPGRADE = ("Connection: Upgrade", "Upgrade: websocket")


@pytest.fixture
async def api(world: World) -> AsyncIterator[Api]:
    async with serving(world, in_hand=0) as api:
        yield api


def is_problem(answer: Answer, status: int, slug: str) -> None:
    assert answer.status == status
    assert json.loads(answer.body)["type"] == f"/problems/{slug}"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "data",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        HEAD + b"Content-Length: two\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        CHUNKED + b"nonsense\r\n",
        CHUNKED + b"2\r\n{}xx",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_bad_framing_is_a_problem_with_an_id(api: Api, world: World, data: bytes) -> None:
    client = await api.connect()

    is_problem(await client.ask(data), 400, "bad-request")
    assert await client.is_closed()
    assert world.is_untouched()


async def test_the_id_of_a_request_that_gave_one_is_kept(api: Api) -> None:
    client = await api.connect()
    answer = await client.ask(CHUNKED.replace(b"Host", b"X-Request-ID: mine\r\nHost") + b"zz\r\n")

    assert answer.headers["x-request-id"] == "mine"


async def test_what_was_asked_before_is_answered_before(api: Api, world: World) -> None:
    gate = Gate(world)
    client = await api.connect()
    await client.send(order(1) + LIVE + b"NONSENSE\r\n\r\n")
    gate.open()

    assert [(await client.answer()).status for _ in range(2)] == [202, 200]
    is_problem(await client.answer(), 400, "bad-request")
    assert await client.is_closed()


async def test_a_head_without_an_end_is_refused(api: Api) -> None:
    client = await api.connect()
    await client.send(b"GET / HTTP/1.1\r\n")
    for _ in range(3 * MAX_HEAD_BYTES // 8_000):
        client.write(b"X-Pad: " + b"x" * 8_000 + b"\r\n")
        # So that they come in pieces, as over a network.
        await asyncio.sleep(0.001)

    is_problem(await client.answer(), 431, "headers-too-large")


@pytest.mark.parametrize(
    "hosts", [(), ("Host: shop.test", "Host: shop.test"), ("Host: a", "host: b")]
)
async def test_not_exactly_one_host_is_refused(
    api: Api, world: World, hosts: tuple[str, ...]
) -> None:
    client = await api.connect()
    lines = "".join(f"{line}\r\n" for line in hosts).encode()

    answer = await client.ask(order(1).replace(b"Host: shop.test\r\n", lines))

    is_problem(answer, 400, "bad-request")
    assert world.is_untouched()


async def test_http_1_0_needs_no_host(api: Api) -> None:
    client = await api.connect()

    assert (await client.ask(b"GET /health/live HTTP/1.0\r\n\r\n")).status == 200


@pytest.mark.parametrize("upgrade", ["websocket", "h2c", "TLS/1.0"])
async def test_a_request_to_upgrade_is_answered_as_any_other(
    api: Api, world: World, caplog: pytest.LogCaptureFixture, upgrade: str
) -> None:
    caplog.set_level(logging.WARNING)
    client = await api.connect()

    answer = await client.ask(order(1, "Connection: Upgrade", f"Upgrade: {upgrade}"))

    assert answer.status == 202
    assert set(world.store.orders) == {"order-1"}
    # The connection goes on.
    assert (await client.ask(LIVE)).status == 200
    assert caplog.records == []


async def test_so_is_one_in_pieces_or_without_a_body(api: Api) -> None:
    client = await api.connect()
    content = order(1, *UPGRADE)
    await client.send(content[:-20])
    await asyncio.sleep(0.02)
    assert (await client.ask(content[-20:])).status == 202

    client = await api.connect()
    body = json.dumps({**ORDER, "id": "order-2"}).encode()
    head = CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert (await client.ask(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))).status == 202

    client = await api.connect()
    asked = LIVE.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert (await client.ask(asked)).status == 200
