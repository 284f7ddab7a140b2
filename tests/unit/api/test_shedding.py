"""More orders at once than a process can take."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop.api import admission
from shop.api.admission import AT_ONCE
from shop.api.app import create_api
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
    monkeypatch.setattr(admission, "TURN_WITHIN_S", 30.0)
    monkeypatch.setattr(admission, "MIN_REFUSAL_S", 0.01)


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


async def test_nobody_waits_for_long(
    client: httpx.AsyncClient, world: World, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "TURN_WITHIN_S", 0.02)
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
    monkeypatch.setattr(admission, "MAX_REFUSAL_S", 0.0)
    caplog.set_level("INFO")
    sent = await in_hand(client, world, LIMIT)

    posts = [client.post("/order", json=order(100 + number)) for number in range(20)]
    for answer in await asyncio.gather(*posts):
        problem(answer, 503, "overloaded")
    async with asyncio.timeout(10):
        while not (said := [r for r in caplog.records if "turned away" in r.message]):  # noqa: ASYNC110 - the log has no event for it
            await asyncio.sleep(0.01)

    (told,) = said
    assert told.message.startswith("20 orders")
    assert told.levelname == "WARNING"
    gate.open()
    await asyncio.gather(*sent)


async def test_without_a_bound_what_is_measured_counts(world: World, gate: Gate) -> None:
    app = create_api(Settings(api_key=None, order_concurrency_limit=0), services=world.services())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        sent = [asyncio.create_task(client.post("/order", json=order(n))) for n in range(100)]
        await until(lambda: world.store.calls == AT_ONCE)
        gate.open()
        assert {answer.status_code for answer in await asyncio.gather(*sent)} == {202}


async def test_a_refusal_takes_its_time(
    client: httpx.AsyncClient, world: World, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "MIN_REFUSAL_S", 0.2)
    sent = await in_hand(client, world, LIMIT)
    began_s = asyncio.get_running_loop().time()

    problem(await client.post("/order", json=order(99)), 503, "overloaded")

    # Clocks may differ by a tick.
    assert asyncio.get_running_loop().time() - began_s > 0.19
    gate.open()
    await asyncio.gather(*sent)


@pytest.mark.parametrize(
    ("url", "root_path"),
    [
        ("/order", ""),
        ("/order", "/shop"),
        ("/order?a=1", "/shop"),
        ("/%6frder", "/shop"),
        ("/order", "/a/b"),
    ],
)
async def test_the_limit_holds_whatever_path_leads_there(
    world: World, gate: Gate, url: str, root_path: str
) -> None:
    app = create_api(Settings(api_key=None, order_concurrency_limit=1), services=world.services())
    transport = httpx.ASGITransport(Prefixed(app, root_path))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        first = asyncio.create_task(client.post(url, json=order(0)))
        await until(lambda: world.store.calls == 1)
        refused = [await client.post(url, json=order(number)) for number in (1, 2)]
        gate.open()
        assert (await first).status_code == 202

    assert [answer.status_code for answer in refused] == [503, 503]
    assert set(world.store.orders) == {"order-0"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("HEAD", "/order", 405), ("GET", "/order", 405), ("POST", "/order/", 404)],
)
async def test_what_places_no_order_is_not_held_back(
    client: httpx.AsyncClient, world: World, gate: Gate, method: str, path: str, status: int
) -> None:
    sent = await in_hand(client, world, LIMIT)

    assert (await client.request(method, path, json=order(99))).status_code == status

    gate.open()
    await asyncio.gather(*sent)
    assert "order-99" not in world.store.orders


class Prefixed:
    """An app as uvicorn serves it with `--root-path`: the path begins with it."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app, self._root_path = app, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = self._root_path + scope["path"]
        await self._app({**scope, "path": path, "root_path": self._root_path}, receive, send)


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
            (b"host", b"shop.test"),
            (b"content-type", b"application/json"),
            (b"content-length", str(length).encode()),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)
