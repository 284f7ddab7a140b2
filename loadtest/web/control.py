"""What the page may ask of whoever raised the shop: its facts, and another service time."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from loadtest.web.facts import Facts
from testing.stack import StackFailed
from testing.waiting import TimedOut

HOST = "127.0.0.1"
MAX_ORDER_MS = 60_000
MAX_BODY_BYTES = 1_000
POLL_EVERY_S = 0.05


class Fixed(Exception):
    """The service time of this shop cannot be chosen; one line says why."""


class Controlled(Protocol):
    """The shop that the page sends to."""

    @property
    def facts(self) -> Facts: ...

    def set_order_ms(self, order_ms: int) -> None:
        """Returns when it is in force. Raises `Fixed`, `StackFailed`, `TimedOut`."""


@contextmanager
def running_control(shop: Controlled) -> Iterator[str]:
    """Serve it on a port of its own; gives its URL.

    GET answers with the facts as JSON. POST takes `{"order_delay_ms": N}` and answers when that is
    in force, or with one line that says why not: 400, 409, 500.
    """

    class Handler(_Handler):
        controlled = shop
        one_at_a_time = threading.Lock()

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": POLL_EVERY_S}, daemon=True
    )
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    controlled: Controlled
    one_at_a_time: threading.Lock

    def do_GET(self) -> None:
        self._answer(HTTPStatus.OK, json.dumps(self.controlled.facts.as_json()), "application/json")

    def do_POST(self) -> None:
        order_ms = self._asked_ms()
        if order_ms is None:
            self._answer(
                HTTPStatus.BAD_REQUEST,
                f'asked is JSON such as {{"order_delay_ms": 80}}, from 0 to {MAX_ORDER_MS}',
            )
            return
        try:
            with self.one_at_a_time:
                self.controlled.set_order_ms(order_ms)
        except Fixed as error:
            self._answer(HTTPStatus.CONFLICT, str(error))
        except (StackFailed, TimedOut, OSError) as error:
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, str(error).splitlines()[0])
        else:
            self._answer(HTTPStatus.OK, f"an order takes {order_ms} ms")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class's name)
        """Nothing: each is seen on the page."""

    def _asked_ms(self) -> int | None:
        """None unless it is a number that can be used.

        A page of another site can send no JSON here without asking first.
        """
        if self.headers.get_content_type() != "application/json":
            return None
        try:
            length = int(self.headers.get("Content-Length", "0"))
            data = json.loads(self.rfile.read(max(0, min(length, MAX_BODY_BYTES))))
        except ValueError:
            return None
        order_ms = data.get("order_delay_ms") if isinstance(data, dict) else None
        if not isinstance(order_ms, int) or isinstance(order_ms, bool):
            return None
        return order_ms if 0 <= order_ms <= MAX_ORDER_MS else None

    def _answer(self, status: HTTPStatus, text: str, kind: str = "text/plain") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
