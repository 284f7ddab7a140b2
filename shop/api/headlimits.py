"""No request whose head is over the limits, or names not one host, gets to a route.

The server has read the head by then: what is saved is the work, the log and the answer that would
repeat it. A server that reads less refuses it itself, with a plain 400.
"""

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shop.api.problems import BAD_REQUEST, HEADERS_TOO_LARGE, URI_TOO_LONG, problem_response

#: Path and query, as they were sent.
MAX_URL_BYTES = 8 * 1024
#: Names and values of all headers.
MAX_HEADER_BYTES = 16 * 1024
MAX_HEADERS = 100

_CLOSE = {"Connection": "close"}


class HeadLimits:
    """Answers 414 to a long address, 431 to many or large headers, 400 to none or several hosts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http":
            # `raw_path` may be missing: then the path is at most as long as what was sent.
            path = scope.get("raw_path") or scope["path"]
            headers = scope["headers"]
            if len(path) + len(scope.get("query_string", b"")) > MAX_URL_BYTES:
                app = _url_too_long()
            elif are_too_large(headers):
                app = _headers_too_large()
            else:
                hosts = _hosts(headers)
                # HTTP/1.0, which probes of load balancers speak, may leave it out. Of two, proxies
                # and apps choose differently.
                if hosts > 1 or (not hosts and scope.get("http_version") == "1.1"):
                    app = _not_one_host()
        await app(scope, receive, send)


def are_too_large(headers: list[tuple[bytes, bytes]]) -> bool:
    return len(headers) > MAX_HEADERS or _size(headers) > MAX_HEADER_BYTES


def _size(headers: list[tuple[bytes, bytes]]) -> int:
    size = 0
    for name, value in headers:
        size += len(name) + len(value)
    return size


def _hosts(headers: list[tuple[bytes, bytes]]) -> int:
    hosts = 0
    for name, _ in headers:
        if name == b"host":
            hosts += 1
    return hosts


def _not_one_host() -> Response:
    detail = "A request names exactly one Host."
    return problem_response(BAD_REQUEST, detail, headers=_CLOSE)


def _url_too_long() -> Response:
    return problem_response(URI_TOO_LONG, URI_TOO_LONG.example, headers=_CLOSE)


def _headers_too_large() -> Response:
    return problem_response(HEADERS_TOO_LARGE, HEADERS_TOO_LARGE.example, headers=_CLOSE)
