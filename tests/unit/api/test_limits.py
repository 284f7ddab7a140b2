"""Bodies over 64 KiB."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from shop.api.limits import DRAIN_BYTES, MAX_BODY_BYTES, BodyLimit
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
