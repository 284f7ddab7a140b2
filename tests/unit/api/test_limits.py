"""Bodies over 64 KiB."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from shop.api.app import create_api
from shop.api.limits import DRAIN_BYTES, MAX_BODY_BYTES, BodyLimit
from shop.settings import Settings
from tests.unit.api.conftest import World, client_of, problem
from tests.unit.api.test_orders import ORDER

JSON = {"Content-Type": "application/json"}
CHUNK = b"x" * 10_000


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield CHUNK


@pytest.mark.parametrize(
    "path", ["/order", "/test_notification", "/health/live", "/nowhere", "/docs"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_refused_everywhere(
    client: httpx.AsyncClient, world: World, method: str, path: str, chunked: bool
) -> None:
    content = chunks(7) if chunked else b"x" * (MAX_BODY_BYTES + 1)
    response = await client.request(method, path, content=content, headers=JSON)

    problem(response, 413, "body-too-large")
    assert response.headers["connection"] == "close"
    assert world.is_untouched()


async def test_a_body_at_the_limit_is_read(client: httpx.AsyncClient) -> None:
    padding = b" " * (MAX_BODY_BYTES - 75)
    body = (
        b'{"id": "1001", "item": "SKU-1", "qty": 2, "email": "ann@example.com"%s      }' % padding
    )
    assert len(body) == MAX_BODY_BYTES
    assert (await client.post("/order", content=body, headers=JSON)).status_code == 202


async def test_a_chunked_body_within_the_limit_is_read(client: httpx.AsyncClient) -> None:
    async def order() -> AsyncIterator[bytes]:
        yield b'{"id": "1001", "item": "SKU-1",'
        yield b'"qty": 2, "email": "ann@example.com"}'

    assert (await client.post("/order", content=order(), headers=JSON)).status_code == 202


async def test_without_the_api_key_a_large_body_is_refused_all_the_same(world: World) -> None:
    async with client_of(world, api_key="right") as client:
        response = await client.post("/order", json=ORDER, content=None)
        assert response.status_code == 401
        response = await client.post("/order", content=chunks(7), headers=JSON)
        problem(response, 413, "body-too-large")


class Line:
    """A connection whose client sends 1 MB pieces, as many as are taken from it."""

    def __init__(self, headers: list[tuple[bytes, bytes]]) -> None:
        self.scope: Scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
        self.taken_bytes = 0
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        self.taken_bytes += 1_000_000
        return {"type": "http.request", "body": bytes(1_000_000), "more_body": True}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def run(self) -> None:
        await BodyLimit(_reads_all)(self.scope, self.receive, self.send)


async def _reads_all(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive())["more_body"]:
        pass
    raise AssertionError("the application read the whole body")


@pytest.mark.parametrize(
    "headers", [[(b"content-length", b"999999999999")], [(b"transfer-encoding", b"chunked")]]
)
async def test_an_endless_body_is_thrown_away_for_a_while_and_then_cut(
    headers: list[tuple[bytes, bytes]],
) -> None:
    line = Line(headers)
    await line.run()

    start, answer, end = line.sent
    assert start["status"] == 413
    # The answer was out before the rest was looked at.
    assert answer["body"]
    assert answer["more_body"]
    assert end == {"type": "http.response.body", "body": b"", "more_body": False}
    assert line.taken_bytes <= DRAIN_BYTES + 2_000_000


class Parts:
    """A connection whose client sends a chunked body in these parts, and then waits."""

    def __init__(self, path: str, parts: list[tuple[int, bool]]) -> None:
        self.scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [
                (b"host", b"shop.test"),
                (b"content-type", b"application/json"),
                (b"transfer-encoding", b"chunked"),
            ],
        }
        self._parts = iter(parts)
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        for size, more in self._parts:
            return {"type": "http.request", "body": b" " * size, "more_body": more}
        raise AssertionError("the body has ended, and more of it was waited for")

    async def send(self, message: Message) -> None:
        self.sent.append(message)


@pytest.mark.parametrize(
    "parts",
    [
        [(MAX_BODY_BYTES + 1, False)],
        [(MAX_BODY_BYTES, True), (1, False)],
        [(MAX_BODY_BYTES, True), (0, True), (1, False)],
        [(MAX_BODY_BYTES + 1, True), (0, False)],
        [(MAX_BODY_BYTES, True), (1, True), (0, True), (1, False)],
        [(1, True)] * MAX_BODY_BYTES + [(1, False)],
    ],
    ids=["at once", "with the end", "after an empty part", "before the end", "earlier", "bytes"],
)
@pytest.mark.parametrize("path", ["/order", "/test_notification", "/nowhere"])
@pytest.mark.parametrize("order_concurrency_limit", [0, 64])
async def test_a_chunked_body_is_refused_in_whatever_parts_it_comes(
    world: World, path: str, parts: list[tuple[int, bool]], order_concurrency_limit: int
) -> None:
    settings = Settings(order_concurrency_limit=order_concurrency_limit)
    line = Parts(path, parts)

    await create_api(settings, services=world.services())(line.scope, line.receive, line.send)

    assert [message.get("status") for message in line.sent] == [413, None, None]
    assert not line.sent[-1]["more_body"]
    assert world.is_untouched()


@pytest.mark.parametrize(
    "parts",
    [
        [(MAX_BODY_BYTES, False)],
        [(MAX_BODY_BYTES, True), (0, False)],
        [(0, True), (MAX_BODY_BYTES - 1, True), (1, False)],
    ],
)
async def test_a_chunked_body_at_the_limit_is_read_in_whatever_parts_it_comes(
    world: World, parts: list[tuple[int, bool]]
) -> None:
    line = Parts("/test_notification", parts)

    await create_api(Settings(), services=world.services())(line.scope, line.receive, line.send)

    # It holds nothing but spaces.
    assert line.sent[0]["status"] == 422


async def test_a_client_that_waits_to_be_told_is_not_told_to_go_on() -> None:
    line = Line([(b"content-length", b"1000000"), (b"expect", b"100-continue")])
    await line.run()

    assert line.sent[0]["status"] == 413
    assert line.taken_bytes == 0


@pytest.mark.parametrize(
    ("version", "headers", "counted"),
    [
        ("1.1", [], False),
        ("1.0", [(b"host", b"shop.test")], False),
        ("1.1", [(b"content-length", b"7")], False),
        ("1.1", [(b"transfer-encoding", b"chunked")], True),
        ("1.1", [(b"content-length", b"many")], True),
        # A body of HTTP/2 need not say that it comes.
        ("2", [], True),
    ],
)
async def test_what_says_that_it_has_no_body_is_not_counted(
    version: str, headers: list[tuple[bytes, bytes]], counted: bool
) -> None:
    taken = []

    async def app(_: Scope, receive: Receive, __: Send) -> None:
        taken.append(receive)

    line = Line(headers)
    await BodyLimit(app)({**line.scope, "http_version": version}, line.receive, line.send)

    assert (taken == [line.receive]) is not counted
