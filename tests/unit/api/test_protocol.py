"""Orders that are refused before they are requests, over a socket of a real uvicorn."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shop.api import admission
from shop.api.app import create_api
from shop.api.protocol import ShopProtocol
from shop.settings import Settings
from testing.servers import HOST
from tests.unit.api.conftest import World
from tests.unit.api.test_orders import ORDER
from tests.unit.api.test_shedding import Gate

LIVE = b"GET /health/live HTTP/1.1\r\nHost: shop.test\r\n\r\n"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """One connection, byte by byte as the test wants it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    async def answer(self) -> Answer:
        async with asyncio.timeout(5):
            first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
            headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in lines)}
            body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(first.split()[1]), headers, body)

    async def ask(self, data: bytes) -> Answer:
        await self.send(data)
        return await self.answer()

    async def is_closed(self) -> bool:
        async with asyncio.timeout(5):
            return await self._reader.read(1) == b""

    async def close(self) -> None:
        self._writer.close()
        # The server may have hung up first, and left something unsent.
        with suppress(ConnectionError):
            await self._writer.wait_closed()


@dataclass
class Api:
    port: int
    clients: list[Client] = field(default_factory=list)

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection(HOST, self.port))
        self.clients.append(client)
        return client


@asynccontextmanager
async def serving(
    world: World,
    *,
    protocol: type[HttpToolsProtocol] = ShopProtocol,
    in_hand: int = 1,
    per_s: int = 0,
    timeout_s: float = 10.0,
    root_path: str = "",
) -> AsyncIterator[Api]:
    settings = Settings(
        api_key=None,
        order_concurrency_limit=in_hand,
        order_rate_limit=per_s,
        request_timeout_s=timeout_s,
    )
    app = create_api(settings, services=world.services())
    config = uvicorn.Config(
        app,
        host=HOST,
        port=0,
        http=protocol,
        log_config=None,
        root_path=root_path,
        timeout_keep_alive=1,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
    api = Api(server.servers[0].sockets[0].getsockname()[1])
    try:
        yield api
    finally:
        for client in api.clients:
            await client.close()
        server.should_exit = True
        await task


@pytest.fixture(autouse=True)
def _refusals_come_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MIN_REFUSAL_S", 0.02)
    monkeypatch.setattr(admission, "MAX_REFUSAL_S", 0.1)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that became requests to the app, in their order."""
    begun: list[str] = []
    start = HttpToolsProtocol._start_asgi_task

    def start_noted(self: HttpToolsProtocol, cycle: Any, app: Any) -> None:
        begun.append(cycle.scope["path"])
        start(self, cycle, app)

    monkeypatch.setattr(HttpToolsProtocol, "_start_asgi_task", start_noted)
    return begun


@pytest.fixture
async def api(world: World) -> AsyncIterator[Api]:
    async with serving(world) as api:
        yield api


@asynccontextmanager
async def full(api: Api, world: World) -> AsyncIterator[None]:
    """An order is in hand, and there is no room for another."""
    gate = Gate(world)
    client = await api.connect()
    await client.send(order(0))
    await until_called(world)
    try:
        yield
    finally:
        gate.open()
    # Some tests take longer than the store may.
    assert (await client.answer()).status in (202, 503)


def order(number: int, *headers: str, version: str = "1.1") -> bytes:
    body = json.dumps({**ORDER, "id": f"order-{number}"}).encode()
    lines = [
        f"POST /order HTTP/{version}",
        "Host: shop.test",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def test_the_answer_is_that_of_the_layer_which_answers_otherwise(world: World) -> None:
    answers = []
    for protocol in (ShopProtocol, HttpToolsProtocol):
        world.store.calls = 0
        async with serving(world, protocol=protocol) as api, full(api, world):
            client = await api.connect()
            answers.append(await client.ask(order(1, "X-Request-ID: mine")))
        world.store.orders.clear()

    turned_away, refused = answers
    assert turned_away.status == refused.status == 503
    assert turned_away.body == refused.body
    assert json.loads(turned_away.body)["type"].endswith("overloaded")
    for answer in answers:
        assert answer.headers.pop("date")
    assert list(turned_away.headers.items()) == list(refused.headers.items())
    assert turned_away.headers["x-request-id"] == "mine"


async def test_it_never_becomes_a_request(api: Api, world: World, requests: list[str]) -> None:
    async with full(api, world):
        client = await api.connect()
        answers = [await client.ask(order(number)) for number in range(1, 6)]
        assert requests == ["/order"]

    assert {answer.status for answer in answers} == {503}
    assert len({answer.headers["x-request-id"] for answer in answers}) == 5
    assert set(world.store.orders) == {"order-0"}


async def test_the_connection_goes_on_whenever_the_body_comes(api: Api, world: World) -> None:
    async with full(api, world):
        client = await api.connect()
        head, _, body = order(1).partition(b"\r\n\r\n")

        # Not waited for, and not taken for a request of its own.
        assert (await client.ask(head + b"\r\n\r\n")).status == 503
        await client.send(body[:9])
        await asyncio.sleep(0.05)
        assert (await client.ask(body[9:] + LIVE)).status == 200


async def test_answers_to_what_is_sent_at_once_come_in_its_order(api: Api, world: World) -> None:
    async with full(api, world):
        client = await api.connect()
        await client.send(order(1) + LIVE + order(2) + order(3))
        assert [(await client.answer()).status for _ in range(4)] == [503, 200, 503, 503]


async def test_what_is_sent_behind_an_order_that_waits_is_answered_after_it(
    api: Api, world: World
) -> None:
    gate = Gate(world)
    client = await api.connect()
    # By the time that the second one is looked at, the first has taken the only place.
    await client.send(order(1))
    await until_called(world)
    await client.send(order(2))
    await asyncio.sleep(0.05)
    gate.open()
    assert [(await client.answer()).status for _ in range(2)] == [202, 202]


@pytest.mark.parametrize("left_out", [0, 9], ids=["whole", "body-missing"])
async def test_a_connection_that_is_not_used_again_is_closed(
    api: Api, world: World, left_out: int
) -> None:
    async with full(api, world):
        client = await api.connect()
        content = order(1)
        assert (await client.ask(content[: len(content) - left_out])).status == 503
        assert await client.is_closed()


async def test_it_is_not_closed_under_an_answer_that_takes_longer(api: Api, world: World) -> None:
    async with full(api, world):
        client = await api.connect()
        # Behind the order, at once, a question to the store, which the gate holds.
        await client.send(order(1) + LIVE.replace(b"/health/live", b"/order/none"))
        assert (await client.answer()).status == 503
        # Longer than an idle connection is kept; the store is given up after 1 s or so.
        answer = await client.answer()
        assert answer.status in (404, 503)


@pytest.mark.parametrize(
    ("headers", "version"), [(("Connection: close",), "1.1"), ((), "1.0")], ids=["close", "1.0"]
)
async def test_who_wants_no_more_is_hung_up_on(
    api: Api, world: World, requests: list[str], headers: tuple[str, ...], version: str
) -> None:
    async with full(api, world):
        client = await api.connect()
        answer = await client.ask(order(1, *headers, version=version))
        assert answer.status == 503
        assert requests == ["/order"] * 2
        assert answer.headers["connection"] == "close"
        assert await client.is_closed()


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (order(1, *[f"X-Number-{number}: 1" for number in range(200)]), 431),
        (order(1).replace(b"Content-Length: ", b"Content-Length: 1000000"), 413),
        (order(1).replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nX-Length"), 400),
        (order(1).replace(b"/order ", b"/order?a=1 "), 503),
    ],
    ids=["headers", "body", "chunks", "query"],
)
async def test_what_is_out_of_the_ordinary_is_let_in_and_judged_there(
    api: Api, world: World, content: bytes, status: int
) -> None:
    async with full(api, world):
        client = await api.connect()
        assert (await client.ask(content)).status == status


async def test_what_is_no_order_is_let_in(api: Api, world: World) -> None:
    async with full(api, world):
        client = await api.connect()
        assert (await client.ask(LIVE)).status == 200
        assert (await client.ask(LIVE.replace(b"/health/live", b"/order"))).status == 405


async def test_a_refusal_takes_its_time(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "MIN_REFUSAL_S", 0.3)
    monkeypatch.setattr(admission, "MAX_REFUSAL_S", 0.3)
    loop = asyncio.get_running_loop()
    async with full(api, world):
        client = await api.connect()
        began_s = loop.time()
        assert (await client.ask(order(1))).status == 503
        # Clocks may differ by a tick.
        assert loop.time() - began_s > 0.29


@pytest.mark.parametrize("url", [b"/order", b"/order?a=1", b"/%6frder"])
async def test_a_root_path_does_not_switch_the_limit_off(
    world: World, requests: list[str], url: bytes
) -> None:
    async with serving(world, root_path="/shop") as api, full(api, world):
        client = await api.connect()
        answer = await client.ask(order(1).replace(b"/order", url))
        assert answer.status == 503
        assert json.loads(answer.body)["type"].endswith("overloaded")
    assert requests[0] == "/shop/order"


async def test_a_refusal_for_nobody_hurts_nobody(api: Api, world: World) -> None:
    async with full(api, world):
        for number in range(1, 4):
            client = await api.connect()
            await client.send(order(number))
            await client.close()
        client = await api.connect()
        assert (await client.ask(order(4))).status == 503


async def test_heads_that_come_at_once_are_not_all_let_in(
    world: World, requests: list[str]
) -> None:
    async with serving(world, in_hand=3) as api:
        Gate(world)
        clients = [await api.connect() for _ in range(20)]
        # In one pass of the loop, before any of them is a request.
        for number, client in enumerate(clients):
            client.write(order(number))
        answers = [await client.answer() for client in clients[3:]]

    assert {answer.status for answer in answers} == {503}
    assert requests == ["/order"] * 3


async def test_those_turned_away_are_counted_under_their_route(api: Api, world: World) -> None:
    async with full(api, world):
        client = await api.connect()
        for number in range(1, 4):
            await client.ask(order(number))
    shown = (await client.ask(LIVE.replace(b"/health/live", b"/metrics"))).body.decode()

    key = 'shop_http_requests_total{method="POST",route="/order",status="503"}'
    assert f"{key} 3.0" in shown.splitlines()


async def test_a_rate_takes_as_many_as_without_it(world: World) -> None:
    async with serving(world, in_hand=0, per_s=10) as api:
        client = await api.connect()
        statuses = [(await client.ask(order(number))).status for number in range(1, 60)]

    assert set(statuses) == {202, 503}
    # Half a second's worth at once, and what comes due meanwhile.
    assert 5 <= statuses.count(202) <= 20
    assert statuses[:5] == [202] * 5


async def until_called(world: World) -> None:
    async with asyncio.timeout(5):
        while not world.store.calls:  # noqa: ASYNC110 - the store has no event for it
            await asyncio.sleep(0.01)
