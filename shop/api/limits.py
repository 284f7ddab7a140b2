"""No body over the limit is taken in, whatever it says of its length."""

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop.api.problems import BODY_TOO_LARGE, problem_response

MAX_BODY_BYTES = 64 * 1024

#: A connection that is closed while the client still sends is reset, and the answer is lost
#: to most clients. So a refused body is thrown away as it comes, but not for ever.
DRAIN_BYTES = 4 * 1024 * 1024
DRAIN_S = 2.0

_HTTP_1 = ("1.1", "1.0")


class _BodyTooLarge(Exception):
    """A body turned out to be over the limit while it was read."""


class BodyLimit:
    """Answers 413 before a route has seen more than `max_bytes` of a body."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = _declared_bytes(scope)
        if declared is None:
            await self._count(scope, receive, send)
        elif declared > self._max_bytes:
            await self._refuse(scope, receive, send)
        else:
            # The server holds the client to what it declared.
            await self._app(scope, receive, send)

    async def _count(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = 0
        more = _is_chunked(scope)
        started = False

        async def receive_counted() -> Message:
            nonlocal taken, more
            message = await receive()
            taken += len(message.get("body", b""))
            more = message.get("more_body", False)
            refuse_if_too_large()
            return message

        async def send_counted(message: Message) -> None:
            nonlocal started
            if not started:
                # Also an answer that is made of that very refusal, as of any error: it is no fault.
                refuse_if_too_large()
            # A route that takes no body has not read it: it may yet be over the limit.
            while more and not started:
                await receive_counted()
            started = True
            await send(message)

        def refuse_if_too_large() -> None:
            if taken > self._max_bytes:
                raise _BodyTooLarge

        try:
            await self._app(scope, receive_counted, send_counted)
        except _BodyTooLarge:
            if started:
                raise
            await self._refuse(scope, receive, send, more=more)

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, *, more: bool = True
    ) -> None:
        response = problem_response(
            BODY_TOO_LARGE,
            f"A body may have {self._max_bytes} bytes at most.",
            headers={"Connection": "close"},
        )
        await send(
            {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": response.raw_headers,
            }
        )
        # The whole answer goes out now; that there is no more of it is said after draining.
        await send({"type": "http.response.body", "body": response.body, "more_body": True})
        # Of a body that has ended nothing comes any more, but the server would wait for it.
        if more and not _waits_for_100(scope):
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_S):
                    await _drain(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drain(receive: Receive) -> None:
    drained = 0
    more = True
    while more and drained <= DRAIN_BYTES:
        message = await receive()
        drained += len(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)


def _declared_bytes(scope: Scope) -> int | None:
    """What is said of the body's length; None where it has to be counted."""
    # In HTTP/1 a body says that it comes, and most questions have none.
    declared = 0 if scope.get("http_version") in _HTTP_1 else None
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
        if name == b"transfer-encoding":
            declared = None
    return declared


def _is_chunked(scope: Scope) -> bool:
    return any(name == b"transfer-encoding" for name, _ in scope["headers"])


def _waits_for_100(scope: Scope) -> bool:
    """Whether the client sends its body only once it is told to go on."""
    return any(
        name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"]
    )
