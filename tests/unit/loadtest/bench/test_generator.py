"""The closed loop, against a server of a few lines."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from loadtest.bench.generator import BadAnswer, Job, carry_out, order_requests

HOST = "127.0.0.1"
Answer = Callable[[int, bytes], bytes]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[tuple[int, list[bytes]]]:
    """The port of a server that answers each request, and the bodies that it was sent."""
    bodies: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                body = await reader.readexactly(length)
                bodies.append(body)
                writer.write(answer(len(bodies), body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], bodies


def accepted(_: int, __: bytes) -> bytes:
    return b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}"


async def test_each_order_is_placed_once() -> None:
    async with serving(accepted) as (port, bodies):
        counted = await carry_out(Job(HOST, port, 4, 202, 0.0, 0.0, orders=50, prefix="p"))

    assert (counted.answered, counted.others) == (50, 0)
    ids = [json.loads(body)["id"] for body in bodies]
    assert sorted(ids) == [f"p-{number:07}" for number in range(50)]


async def test_other_answers_do_not_count() -> None:
    def every_other(number: int, _: bytes) -> bytes:
        return accepted(0, b"") if number % 2 else b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"

    async with serving(every_other) as (port, _):
        counted = await carry_out(Job(HOST, port, 1, 202, 0.0, 0.0, orders=10))

    assert (counted.answered, counted.others) == (5, 5)


async def test_only_what_is_answered_after_the_warm_up_counts() -> None:
    async with serving(accepted) as (port, bodies):
        counted = await carry_out(Job(HOST, port, 2, 202, 0.2, 0.2))

    assert 0 < counted.answered < len(bodies)
    assert counted.lasted_s == pytest.approx(0.2, abs=0.1)


async def test_an_answer_in_pieces_is_one_answer() -> None:
    def long(_: int, __: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000

    async with serving(long) as (port, bodies):
        counted = await carry_out(Job(HOST, port, 1, 200, 0.0, 0.0, orders=3))

    assert (counted.answered, len(bodies)) == (3, 3)


async def test_an_answer_without_a_length_is_a_failure() -> None:
    async with serving(lambda *_: b"HTTP/1.1 200 OK\r\n\r\n") as (port, _):
        with pytest.raises(BadAnswer, match="no Content-Length"):
            await carry_out(Job(HOST, port, 1, 200, 0.0, 0.0, orders=1))


def test_orders_are_all_of_one_length() -> None:
    requests = list(order_requests(Job(HOST, 1, 1, 202, 0.0, 0.0, orders=1_000)))

    assert len({len(request) for request in requests}) == 1
