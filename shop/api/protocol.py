"""The shop's HTTP/1.1: uvicorn's, but that some orders are turned away before they are requests.

`uvicorn shop.asgi:app --http shop.api.protocol:ShopProtocol`. Under an overload most of what is
asked is an order for which there is no room, and to make a request of it, and a task of the event
loop, costs twice what answering it does (`docs/decisions/0018`). What comes another way is turned
away by the layer in `shop.api.shedding`.
"""

from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shop.api.entrance import RAW_REQUEST_ID, RAW_SECURITY_HEADERS, request_id
from shop.api.headlimits import are_too_large
from shop.api.limits import MAX_BODY_BYTES
from shop.api.metrics import ApiMetrics
from shop.api.shedding import ORDER_PATH, Room

#: Of the server's state, in which the app's lifespan puts it.
DOOR: Final = "door"
_URL = ORDER_PATH.encode()

Headers = list[tuple[bytes, bytes]]


class Door:
    """Says who is turned away, and with what."""

    def __init__(self, room: Room, metrics: ApiMetrics) -> None:
        refusal = room.refusal
        self._room = room
        self._metrics = metrics
        self._status = HTTPStatus(refusal.status_code)
        self._first = f"HTTP/1.1 {self._status.value} {self._status.phrase}\r\n".encode()
        self._fixed = _lines([*refusal.raw_headers, *RAW_SECURITY_HEADERS])
        self._body = bytes(refusal.body)

    def is_shut(self) -> bool:
        return self._room.is_full() or self._room.is_ahead()

    def answer(self, headers: Headers, servers: Headers) -> bytes:
        """To a request with `headers`; `servers` are those that the server adds to every answer."""
        self._room.count_refusal()
        self._metrics.answered(ORDER_PATH, "POST", self._status, 0.0)
        own_id = _lines([(RAW_REQUEST_ID, request_id(headers).encode())])
        return b"".join((self._first, _lines(servers), self._fixed, own_id, b"\r\n", self._body))


class ShopProtocol(HttpToolsProtocol):
    """One connection; the methods are callbacks, of the transport and of the parser."""

    _is_turned_away = False

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # As after any answer: a connection that is not used again is closed in a while, also one
        # on which the rest of a body never comes.
        if self._is_turned_away and self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_headers_complete(self) -> None:
        door: Door | None = self.app_state.get(DOOR)
        if door is None or not self._is_plain_order() or not door.is_shut():
            self._is_turned_away = False
            super().on_headers_complete()
            return
        self._is_turned_away = True
        self.server_state.total_requests += 1
        self.transport.write(door.answer(self.headers, self.server_state.default_headers))

    def on_body(self, body: bytes) -> None:
        if not self._is_turned_away:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._is_turned_away:
            super().on_message_complete()

    def _is_plain_order(self) -> bool:
        """Whether it is an order, and there is nothing out of the ordinary about it."""
        parser = self.parser
        return bool(
            self.url == _URL
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.expect_100_continue
            and not self.flow.write_paused
            # What was asked before over this connection is answered.
            and (self.cycle is None or self.cycle.response_complete)
            # What other layers would say is for them to say.
            and not are_too_large(self.headers)
            and _has_short_body(self.headers)
        )


def _has_short_body(headers: Headers) -> bool:
    """A body of unknown length may be any."""
    for name, value in headers:
        if name == b"transfer-encoding":
            return False
        if name == b"content-length" and int(value) > MAX_BODY_BYTES:
            return False
    return True


def _lines(headers: Headers) -> bytes:
    return b"".join(b"%s: %s\r\n" % header for header in headers)
