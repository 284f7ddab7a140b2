"""More orders at once than a process can take."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.types import Message

from shop.api import shedding
from shop.api.app import create_api
from shop.api.shedding import AT_ONCE, AT_ONCE_OVERLOADED
from shop.settings import Settings
from testing.waiting import TimedOut
from tests.unit.api.conftest import World, problem
from tests.unit.api.test_metrics import samples
from tests.unit.api.test_orders import ORDER

LIMIT = AT_ONCE + 2
PROBE = {"email": "ann@example.com", "message": "Hello"}


class Gate:
    """Holds every call of the store back until it is opened."""

    def __init__(self, world: World) -> None:
        self._open = asyncio.Event()
        world.store.delay = self._passed

    def open(self) -> None:
        self._open.set()

    @asynccontextmanager
    async def _passed(self) -> AsyncIterator[None]:
        await self._open.wait()
        yield


@pytest.fixture(autouse=True)
def _nobody_loses_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shedding, "TURN_WITHIN_S", 30.0)


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    app = create_api(
        Settings(api_key=None, order_concurrency_limit=LIMIT), services=world.services()
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        yield client


Held = list["asyncio.Task[httpx.Response]"]


@pytest.fixture
async def held() -> AsyncIterator[Held]:
    """Orders that nobody answers; they end with the test."""
    tasks: Held = []
    yield tasks
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@pytest.fixture
async def gate(world: World) -> Gate:
    return Gate(world)


def order(number: int) -> dict[str, Any]:
    return {**ORDER, "id": f"order-{number}"}


async def until(condition: Callable[[], bool]) -> None:
    """Let the others go on until `condition` holds."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise TimedOut("it never came to that")


async def in_hand(
    client: httpx.AsyncClient, world: World, count: int
) -> list[asyncio.Task[httpx.Response]]:
    """So many orders under way, as many of them at the store as may be at once."""
    sent = [asyncio.create_task(client.post("/order", json=order(n))) for n in range(count)]
    await until(lambda: world.store.calls == min(count, AT_ONCE))
    # Those that wait for their turn have gone as far as they get.
    for _ in range(100):
        await asyncio.sleep(0)
    return sent


async def test_a_few_are_placed_at_a_time_and_the_others_wait(
    client: httpx.AsyncClient, world: World, gate: Gate
) -> None:
    sent = await in_hand(client, world, LIMIT)
    assert world.store.calls == AT_ONCE

    gate.open()

    answers = await asyncio.gather(*sent)
    assert [answer.status_code for answer in answers] == [202] * LIMIT
    assert set(world.store.orders) == {f"order-{number}" for number in range(LIMIT)}


async def test_one_too_many_is_turned_away_and_leaves_nothing_behind(
    client: httpx.AsyncClient, world: World, gate: Gate
) -> None:
    sent = await in_hand(client, world, LIMIT)
    calls = world.store.calls

    refused = await client.post("/order", json=order(99))

    problem(refused, 503, "overloaded")
    assert int(refused.headers["retry-after"]) >= 1
    assert world.store.calls == calls
    gate.open()
    await asyncio.gather(*sent)
    assert "order-99" not in world.store.orders
    assert len(world.publisher.jobs) == LIMIT
    # The same order, later.
    assert (await client.post("/order", json=order(99))).status_code == 202


async def test_everything_else_is_served_meanwhile(
    client: httpx.AsyncClient, world: World, gate: Gate
) -> None:
    sent = await in_hand(client, world, LIMIT)
    # Only what is under way is held back.
    world.store.delay = None

    assert (await client.post("/test_notification", json=PROBE)).status_code == 202
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert (await client.get(path)).status_code == 200
    assert (await client.get("/order/order-99")).status_code == 404

    gate.open()
    await asyncio.gather(*sent)


async def overload(client: httpx.AsyncClient, world: World) -> None:
    """Refuse one order, and have the others done."""
    gate = Gate(world)
    sent = await in_hand(client, world, LIMIT)
    problem(await client.post("/order", json=order(99)), 503, "overloaded")
    gate.open()
    await asyncio.gather(*sent)
    world.store.calls = 0
    Gate(world)


async def placed_at_a_time(client: httpx.AsyncClient, world: World, held: Held) -> int:
    """How many of `LIMIT` new orders come to the store, which answers none of them."""
    under_way = [
        asyncio.create_task(client.post("/order", json=order(100 + number)))
        for number in range(LIMIT)
    ]
    held.extend(under_way)
    await until(lambda: world.store.calls > 0)
    for _ in range(300):
        await asyncio.sleep(0)
    return world.store.calls


async def test_fewer_are_placed_at_a_time_once_one_was_refused(
    client: httpx.AsyncClient, world: World, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shedding, "OVERLOADED_FOR_S", 30.0)
    await overload(client, world)

    assert await placed_at_a_time(client, world, held) == AT_ONCE_OVERLOADED < AT_ONCE


async def test_the_overload_is_over_when_nothing_was_refused_for_a_while(
    client: httpx.AsyncClient, world: World, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shedding, "OVERLOADED_FOR_S", 0.0)
    await overload(client, world)

    assert await placed_at_a_time(client, world, held) == AT_ONCE


async def test_nobody_waits_for_long(
    client: httpx.AsyncClient, world: World, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shedding, "TURN_WITHIN_S", 0.02)
    sent = await in_hand(client, world, AT_ONCE)

    problem(await client.post("/order", json=order(99)), 503, "overloaded")

    gate.open()
    assert {answer.status_code for answer in await asyncio.gather(*sent)} == {202}
    assert "order-99" not in world.store.orders


@pytest.mark.parametrize("how", ["fault", "outage", "invalid", "conflict"])
async def test_however_an_order_ends_its_place_is_free_again(
    client: httpx.AsyncClient, world: World, how: str
) -> None:
    await client.post("/order", json=ORDER)
    content, status = order(1), 202
    match how:
        case "fault":
            world.store.failure, status = RuntimeError("boom"), 500
        case "outage":
            world.break_store()
            status = 503
        case "invalid":
            content, status = {**ORDER, "qty": 0}, 422
        case "conflict":
            content, status = {**ORDER, "qty": ORDER["qty"] + 1}, 409

    for _ in range(2 * LIMIT):
        assert (await client.post("/order", json=content)).status_code == status
    world.store.failure = None

    assert (await client.post("/order", json=order(2))).status_code == 202


async def test_a_body_that_is_still_on_its_way_takes_no_place(world: World) -> None:
    app = create_api(Settings(api_key=None, order_concurrency_limit=1), services=world.services())
    slow = [asyncio.create_task(_send(app, [b'{"id":'], hang=True)) for _ in range(9)]
    for _ in range(100):
        await asyncio.sleep(0)

    status, _ = await _send(app, [json.dumps(ORDER).encode()])

    assert status == 202
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


async def test_a_body_in_pieces_is_put_together(world: World) -> None:
    app = create_api(Settings(api_key=None), services=world.services())
    content = json.dumps(ORDER).encode()

    status, _ = await _send(app, [content[:9], content[9:20], content[20:]])

    assert status == 202
    assert set(world.store.orders) == {ORDER["id"]}


async def test_a_body_over_the_limit_is_refused_before_it_takes_a_place(
    client: httpx.AsyncClient, world: World
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 8192

    for body in (b"x" * 100_000, endless()):
        problem(await client.post("/order", content=body), 413, "body-too-large")
    assert world.is_untouched()


async def test_those_turned_away_are_counted_under_their_route(
    client: httpx.AsyncClient, world: World, gate: Gate
) -> None:
    sent = await in_hand(client, world, LIMIT)
    await client.post("/order", json=order(99))
    gate.open()
    await asyncio.gather(*sent)

    counted = await samples(client, "shop_http_requests_total")

    assert counted == {("/order", "POST", "202"): LIMIT, ("/order", "POST", "503"): 1}


async def test_many_refusals_are_one_line_in_the_log(
    client: httpx.AsyncClient,
    world: World,
    gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(shedding, "TOLD_EVERY_S", 0.05)
    caplog.set_level("INFO")
    sent = await in_hand(client, world, LIMIT)

    for number in range(20):
        problem(await client.post("/order", json=order(100 + number)), 503, "overloaded")
    for _ in range(2):
        await asyncio.sleep(0.06)

    (told,) = [record for record in caplog.records if "turned away" in record.message]
    assert told.message.startswith("20 orders")
    assert told.levelname == "WARNING"
    gate.open()
    await asyncio.gather(*sent)


async def test_without_a_limit_all_are_placed_at_once(world: World, gate: Gate) -> None:
    app = create_api(Settings(api_key=None, order_concurrency_limit=0), services=world.services())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        sent = [asyncio.create_task(client.post("/order", json=order(n))) for n in range(100)]
        await until(lambda: world.store.calls == 100)
        gate.open()
        assert {answer.status_code for answer in await asyncio.gather(*sent)} == {202}


async def _send(
    app: Callable[..., Awaitable[None]], pieces: list[bytes], *, hang: bool = False
) -> tuple[int, bytes]:
    """`POST /order` with the body in these pieces; with `hang` more is promised and never comes."""
    sent: list[Message] = []
    left = list(pieces)

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        piece = left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(left) or hang}

    async def send(message: Message) -> None:
        sent.append(message)

    length = sum(map(len, pieces)) + hang
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/order",
        "raw_path": b"/order",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [
            (b"content-type", b"application/json"),
            (b"content-length", str(length).encode()),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)
