"""What every request passes first and every answer last, whoever gave it.

Its id, the headers of every answer, its line in the log and its count: one layer for all four, as
each layer costs every request, also those that are turned away for want of time.
"""

import logging
import time
from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop.api.metrics import METHODS, OTHER, ApiMetrics
from shop.correlation import accepted, correlation_id, new_id

logger = logging.getLogger("shop.access")

REQUEST_ID_HEADER: Final = "X-Request-ID"
SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}
#: Set in a scope by what answers many requests a second and reports their number by itself.
UNLOGGED: Final = "shop.unlogged"

RAW_SECURITY_HEADERS: Final = [
    (name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()
]
RAW_REQUEST_ID: Final = REQUEST_ID_HEADER.lower().encode()
#: They come every few seconds and say nothing; their failures are logged elsewhere.
_PROBES = "/health/"


class Entrance:
    """Lets requests in, one task of the loop each, and notes what became of them."""

    def __init__(self, app: ASGIApp, metrics: ApiMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_s = time.perf_counter()
        own_id = request_id(scope["headers"])
        correlation_id.set(own_id)
        # What the server makes of an error that no one handles.
        status = 500

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    *RAW_SECURITY_HEADERS,
                    (RAW_REQUEST_ID, own_id.encode()),
                ]
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        finally:
            self._note(scope, status, time.perf_counter() - begun_s)

    def _note(self, scope: Scope, status: int, duration_s: float) -> None:
        route = getattr(scope.get("route"), "path_format", None) or OTHER
        method = scope["method"]
        self._metrics.answered(route, method if method in METHODS else OTHER, status, duration_s)
        path = scope["path"]
        if UNLOGGED in scope or path.startswith(_PROBES) or not logger.isEnabledFor(logging.INFO):
            return
        # Without the query: whatever a client puts there does not belong into a log.
        logger.info(
            "%s %s %d in %.1f ms",
            method,
            path,
            status,
            duration_s * 1e3,
            extra={"client": scope["client"][0] if scope.get("client") else None},
        )


def request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The one that the client gave, if it is fit for one; a new one otherwise."""
    for name, value in headers:
        if name == RAW_REQUEST_ID:
            return accepted(value.decode("latin-1"))
    return new_id()
