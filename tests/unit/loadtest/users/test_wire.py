"""Answers as a socket gives them: taken apart at once, or by the parser, they are the same."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from loadtest.users.wire import Answer, Unanswered, Wire

PLAIN = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\nRetry-After:  1 \r\n\r\n{}"
CHUNKED = (
    b"HTTP/1.1 503 No\r\nRetry-After: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
)


@contextmanager
def answering(*pieces: bytes) -> Iterator[Wire]:
    """A server that gives each connection these pieces, however often it is asked."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with connection:
                    while connection.recv(65536):
                        for piece in pieces:
                            connection.sendall(piece)
                            # Or they arrive as one.
                            time.sleep(0.01)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        wire = Wire(f"http://127.0.0.1:{listener.getsockname()[1]}")
        try:
            yield wire
        finally:
            wire.close()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def ask(wire: Wire) -> Answer:
    return wire.exchange(wire.get("/"), within_s=2)


@pytest.mark.parametrize(
    "pieces",
    [
        (PLAIN,),
        (PLAIN[:20], PLAIN[20:60], PLAIN[60:]),
        (PLAIN[:-1], PLAIN[-1:]),
        (CHUNKED,),
        (b"HTTP/1.1 102 Processing\r\n\r\n", PLAIN),
        (PLAIN.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),),
        (PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"),),
    ],
    ids=["whole", "pieces", "body-later", "chunked", "interim", "close", "1.0"],
)
def test_an_answer_is_read_however_it_comes(pieces: tuple[bytes, ...]) -> None:
    with answering(*pieces) as wire:
        for _ in range(3):
            answer = ask(wire)
            assert (answer.status, answer.body) == (503, b"{}")
            assert answer.headers["retry-after"] == "1"


def test_a_head_that_is_cut_is_not_whole() -> None:
    empty = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nRetry-After: 1\r\n\r\n"
    with answering(empty[:-17], empty[-17:]) as wire:
        for _ in range(3):
            answer = ask(wire)
            assert (answer.status, answer.body) == (202, b"")
            assert answer.headers["retry-after"] == "1"


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello")

        Thread(target=serve, daemon=True).start()
        wire = Wire(f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert ask(wire).body == b"hello"
        wire.close()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 2",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
        b"HTTP/1.1 2\xb20 OK\r\nContent-Length: 0\r\n\r\n",
        PLAIN[:-1],
    ],
)
def test_what_is_no_whole_answer_is_none(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(said)

        Thread(target=serve, daemon=True).start()
        wire = Wire(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(Unanswered):
            ask(wire)
        wire.close()
