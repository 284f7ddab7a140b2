"""Long addresses and large headers, over a socket of a real uvicorn."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shop.api.app import create_api
from shop.api.headlimits import MAX_HEADER_BYTES, MAX_HEADERS, MAX_URL_BYTES
from shop.settings import Settings
from testing.servers import HOST
from tests.unit.api.conftest import World, problem

#: What httpx would send beside it is left out: each test counts its headers itself.
HOST_HEADER = ("host", "shop.test")


@pytest.fixture(params=[HttpToolsProtocol, H11Protocol], ids=["httptools", "h11"])
async def base_url(request: pytest.FixtureRequest, world: World) -> AsyncIterator[str]:
    app = create_api(Settings(api_key=None), services=world.services())
    config = uvicorn.Config(
        app, host=HOST, port=0, http=request.param, lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://{HOST}:{port}"
    server.should_exit = True
    await serving


@pytest.fixture
async def socket(base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=base_url) as client:
        yield client


async def get(client: httpx.AsyncClient, path: str, *headers: tuple[str, str]) -> httpx.Response:
    request = httpx.Request("GET", client.base_url.join(path), headers=[HOST_HEADER, *headers])
    return await client.send(request)


def has_every_header(response: httpx.Response) -> None:
    assert response.headers["x-request-id"]
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize("start", ["/order/", "/health/live?"])
async def test_an_address_may_be_so_long(socket: httpx.AsyncClient, start: str) -> None:
    # The question mark is no part of either.
    room = MAX_URL_BYTES - len(start.rstrip("?"))
    within = await get(socket, start + "x" * room)
    over = await get(socket, start + "x" * (room + 1))

    assert within.status_code == (404 if start == "/order/" else 200)
    problem(over, 414, "uri-too-long")
    has_every_header(over)


async def test_an_address_counts_as_it_was_sent(socket: httpx.AsyncClient) -> None:
    problem(await get(socket, "/order/" + "%41" * (MAX_URL_BYTES // 3)), 414, "uri-too-long")


async def test_headers_may_be_so_many(socket: httpx.AsyncClient) -> None:
    headers = [(f"x-{number}", "1") for number in range(MAX_HEADERS)]
    within = await get(socket, "/health/live", *headers[1:])
    over = await get(socket, "/health/live", *headers)

    assert within.status_code == 200
    problem(over, 431, "headers-too-large")
    has_every_header(over)


async def test_headers_may_be_so_large(socket: httpx.AsyncClient) -> None:
    room = MAX_HEADER_BYTES - len("hostshop.test") - len("x-pad")
    within = await get(socket, "/health/live", ("x-pad", "x" * room))
    over = await get(socket, "/health/live", ("x-pad", "x" * (room + 1)))

    assert within.status_code == 200
    problem(over, 431, "headers-too-large")
    has_every_header(over)


async def test_nothing_of_a_refused_request_is_done(
    socket: httpx.AsyncClient, world: World
) -> None:
    order = {"id": "1001", "item": "SKU-1", "qty": 2, "email": "ann@example.com"}
    response = await socket.post("/order", json=order, headers={"x-pad": "x" * MAX_HEADER_BYTES})

    problem(response, 431, "headers-too-large")
    assert world.is_untouched()


# What h11 refuses by itself depends on the pieces in which the head comes.
@pytest.mark.parametrize("base_url", [HttpToolsProtocol], indirect=True, ids=["httptools"])
async def test_beyond_64_kib_of_an_address_the_server_itself_refuses(
    socket: httpx.AsyncClient,
) -> None:
    response = await _raw(socket.base_url, b"GET /order/" + b"x" * 70_000 + b" HTTP/1.1")

    assert response.startswith(b"HTTP/1.1 400 ")


async def _raw(url: httpx.URL, line: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(line + b"\r\nHost: shop.test\r\n\r\n")
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    return answer
