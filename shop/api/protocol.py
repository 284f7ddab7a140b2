"""The shop's HTTP/1.1: uvicorn's, but strict about time and size, and cheap under overload.

`uvicorn shop.asgi:app --http shop.api.protocol:ShopProtocol`. What it adds to uvicorn's:

- An order for which there is no room is refused before it is a request: to make one of it, and a
  task of the event loop, costs several times what answering it does (`docs/decisions/0026`). What
  comes another way is refused by `shop.api.shedding`, around the route.
- A head or a body that does not come in time, or a head without an end, is answered and closed.
- What uvicorn itself refuses is answered by a problem document.
- A request to upgrade is answered as if it had not asked: there is nothing to upgrade to.
"""

import asyncio
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shop.api.headlimits import MAX_HEADER_BYTES, MAX_URL_BYTES, are_too_large
from shop.api.limits import MAX_BODY_BYTES
from shop.api.problems import BAD_REQUEST, HEADERS_TOO_LARGE, REQUEST_TIMEOUT, ProblemType
from shop.api.server_answers import ORDER_PATH, Headers, ServerAnswers

#: Of the server's state, in which the app's lifespan puts it.
SERVER_ANSWERS: Final = "server_answers"
#: Of a head of which no end has come: more than any that is let in.
MAX_HEAD_BYTES = 2 * (MAX_URL_BYTES + MAX_HEADER_BYTES)
#: A client that does not hang up itself after the last answer has so long to hear it.
LINGER_S = 1.0
#: For what has come and is not read, once a request's time is over.
LAST_CALL_S = 0.25
_URL = ORDER_PATH.encode()


class HeldRefusal:
    """A refused order in the place of uvicorn's cycle of request and response.

    So whatever is sent behind it waits until it is answered.
    """

    def __init__(self, headers: Headers) -> None:
        self.headers = headers
        self.response_complete = False
        self.response_started = False
        self.disconnected = False
        self.keep_alive = True
        self.message_event = asyncio.Event()


class ShopProtocol(HttpToolsProtocol):
    """One connection; the methods are callbacks, of the transport, the parser and the loop."""

    _answers: ServerAnswers | None = None
    #: Since when the rest of a request is awaited; None when none is.
    _awaited_since_s: float | None = None
    _deadline: asyncio.TimerHandle | None = None
    _is_last_call = False
    _is_in_head = False
    _head_bytes = 0
    #: Whatever still comes is passed over.
    _is_over = False
    #: Given once everything before it is answered; then the connection is closed.
    _last_answer: bytes | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._answers = self.app_state.get(SERVER_ANSWERS)
        if self._answers is not None:
            self._answers.descriptors.look_at(transport)
            self._awaited_since_s = self.loop.time()
            self._watch(self._answers.timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_over:
            return
        self._unset_keepalive_if_required()
        if self._awaited_since_s is None:
            self._awaited_since_s = self.loop.time()
        was_in_head = self._is_in_head
        self._feed(data)
        if was_in_head and self._is_in_head and not self._is_over:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._close_with(HEADERS_TOO_LARGE)

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            message = "Invalid HTTP request received."
            self.logger.warning(message)
            self.send_400_response(message)
        except httptools.HttpParserUpgrade as upgrade:
            self._feed_without_upgrade(data[upgrade.args[0] :])

    def _feed_without_upgrade(self, rest: bytes) -> None:
        """Read a request anew as if it had not asked for another protocol.

        httptools takes whatever follows its head for that protocol, a body as well.
        """
        version = self.parser.get_http_version().encode()
        head = [b"%s %s HTTP/%s\r\n" % (self.parser.get_method(), self.url, version)]
        head += [b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        # As uvicorn's own.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._feed(b"".join(head) + b"\r\n" + rest)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0
        self._awaited_since_s = self.loop.time()

    def on_headers_complete(self) -> None:
        if self._is_upgrade():
            return
        self._is_in_head = False
        self._awaited_since_s = self.loop.time()
        answers = self._answers
        is_order = answers is not None and self._is_plain_order()
        if answers is not None and is_order and answers.admission.refuses_head():
            self._hold(answers)
            return
        super().on_headers_complete()
        if answers is not None and is_order:
            answers.admission.expect()

    def _is_upgrade(self) -> bool:
        """Whether the request is read anew; CONNECT counts as one, and its address is none."""
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def on_body(self, body: bytes) -> None:
        if not isinstance(self.cycle, HeldRefusal):
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._is_upgrade():
            return
        self._awaited_since_s = None
        if not isinstance(self.cycle, HeldRefusal):
            super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._last_answer is not None and self.cycle.response_complete:
            self._end_with(self._last_answer)

    def shutdown(self) -> None:
        super().shutdown()
        if isinstance(self.cycle, HeldRefusal):
            self._refuse(self.cycle)

    def send_400_response(self, msg: str) -> None:
        if self._answers is None:
            super().send_400_response(msg)
        else:
            self._close_with(BAD_REQUEST)

    def _should_upgrade_to_ws(self) -> bool:
        return False

    def _is_plain_order(self) -> bool:
        """Whether it is an order, and there is nothing out of the ordinary about it."""
        parser = self.parser
        return bool(
            self.url == _URL
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not self.expect_100_continue
            and not self.flow.write_paused
            # What was asked before over this connection is answered.
            and (self.cycle is None or self.cycle.response_complete)
            # What other layers would say is for them to say.
            and not are_too_large(self.headers)
            and _has_short_body(self.headers)
        )

    def _hold(self, answers: ServerAnswers) -> None:
        """Refuse an order, but not sooner than an admitted one is answered."""
        refusal: Any = HeldRefusal(self.headers)
        self.cycle = refusal
        self.loop.call_later(answers.admission.refusal_delay_s(), self._refuse, refusal)

    def _refuse(self, refusal: HeldRefusal) -> None:
        answers = self._answers
        if answers is None or refusal.response_complete or self.transport.is_closing():
            return
        refusal.response_complete = refusal.response_started = True
        servers = self.server_state.default_headers
        self.transport.write(
            answers.refusal(refusal.headers, servers, close=not refusal.keep_alive)
        )
        if not refusal.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _watch(self, after_s: float) -> None:
        self._deadline = self.loop.call_later(after_s, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        """One timer a connection, and not one a request, which would cost each of them."""
        answers, now_s = self._answers, self.loop.time()
        if answers is None or self._is_over or self.transport.is_closing():
            return
        if self._awaited_since_s is None:
            self._is_last_call = False
            self._watch(answers.timeout_s)
        elif self.flow.read_paused or self._is_answering():
            # It is not the client that one waits for.
            self._awaited_since_s, self._is_last_call = now_s, False
            self._watch(answers.timeout_s)
        elif (left_s := self._awaited_since_s + answers.timeout_s - now_s) > 0:
            self._is_last_call = False
            self._watch(left_s)
        elif not self._is_last_call:
            # After a pause of this process all that came meanwhile is still to be read.
            self._is_last_call = True
            self._watch(LAST_CALL_S)
        else:
            answers.slow.count()
            self._close_with(REQUEST_TIMEOUT, says=self._is_in_head or self._is_in_body())

    def _is_in_body(self) -> bool:
        """Whether the rest of a body is awaited, and nothing was answered yet."""
        cycle = self.cycle
        return cycle is not None and not isinstance(cycle, HeldRefusal) and (
            cycle.more_body and not cycle.response_started
        )  # fmt: skip

    def _is_answering(self) -> bool:
        """Whether the answer to a request that has come whole is on its way."""
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete and not self._is_in_body()

    def _close_with(self, kind: ProblemType, *, says: bool = True) -> None:
        """Answer what cannot be read, once all before it is answered, and hang up."""
        data = b""
        if self._answers is not None and says:
            servers = self.server_state.default_headers
            data = self._answers.problem(kind, self.headers or [], servers)
        if self._is_answering():
            self._last_answer = data
            self.flow.pause_reading()
            return
        if self._is_in_body():
            # Whoever waits for the rest of it learns that it never comes.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._end_with(data)

    def _end_with(self, data: bytes) -> None:
        """Say it, and hang up once the client has; it may not hear what is said while it sends.

        A socket that is closed with something unread resets the connection, and with it the answer.
        """
        self._is_over = True
        self.transport.write(data)
        if data and self.transport.can_write_eof():
            self.transport.write_eof()
            self.loop.call_later(LINGER_S, self.transport.close)
        else:
            self.transport.close()


def _has_short_body(headers: Headers) -> bool:
    """A body of unknown length may be any."""
    for name, value in headers:
        if name == b"transfer-encoding":
            return False
        if name == b"content-length" and int(value) > MAX_BODY_BYTES:
            return False
    return True
