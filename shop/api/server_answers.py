"""What the server answers by itself, without a request to the app: as bytes, and counted."""

import asyncio
import logging
import resource
import time
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from shop.api.admission import AdmissionController
from shop.api.batched_warnings import BatchedWarning
from shop.api.entrance import RAW_REQUEST_ID, RAW_SECURITY_HEADERS, request_id
from shop.api.metrics import OTHER, ApiMetrics
from shop.api.problems import OVERLOADED, ProblemType, problem_response

logger = logging.getLogger(__name__)

ORDER_PATH: Final = "/order"
#: Descriptors that are kept for what is not a client: Redis, the log file.
SPARE_DESCRIPTORS = 16
DESCRIPTORS_LOGGED_EVERY_S = 60.0

Headers = list[tuple[bytes, bytes]]


class ServerAnswers:
    """The answers of one process, by which its connections are ended or orders are refused."""

    def __init__(
        self, admission: AdmissionController, metrics: ApiMetrics, *, timeout_s: float
    ) -> None:
        """`timeout_s` is what a client may take for a head, and again for a body."""
        self.admission = admission
        self.timeout_s = timeout_s
        self.descriptors = DescriptorWatch()
        self._metrics = metrics
        self._refusal = _Prepared(problem_response(OVERLOADED, OVERLOADED.example))
        self.slow = BatchedWarning(
            logger, "%d clients were hung up on: no whole request came within %g s", timeout_s
        )

    def refusal(self, headers: Headers, servers: Headers, *, close: bool) -> bytes:
        """To an order with `headers`; `servers` are those that the server adds to every answer."""
        self.admission.refused.count()
        self._metrics.answered(ORDER_PATH, "POST", OVERLOADED.status, 0.0)
        return self._refusal.to(headers, servers, close=close)

    def problem(self, kind: ProblemType, headers: Headers, servers: Headers) -> bytes:
        """To what is no request, or not a whole one; the connection is closed after it."""
        self._metrics.answered(OTHER, OTHER, kind.status, 0.0)
        return _Prepared(problem_response(kind, kind.example)).to(headers, servers, close=True)


class _Prepared:
    """A response but for what differs from request to request."""

    def __init__(self, response: Response) -> None:
        status = HTTPStatus(response.status_code)
        self._first = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
        self._fixed = _lines([*response.raw_headers, *RAW_SECURITY_HEADERS])
        self._body = bytes(response.body)

    def to(self, headers: Headers, servers: Headers, *, close: bool) -> bytes:
        own = _lines([(RAW_REQUEST_ID, request_id(headers).encode())])
        closing = b"connection: close\r\n\r\n" if close else b"\r\n"
        return b"".join((self._first, _lines(servers), self._fixed, own, closing, self._body))


class DescriptorWatch:
    """Says in the log that file descriptors run out.

    Nobody else does: libuv accepts what it has no descriptor for, and closes it.
    """

    def __init__(self) -> None:
        self._limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._quiet_until_s = 0.0

    def look_at(self, transport: asyncio.Transport) -> None:
        """A new connection has the lowest descriptor that was free."""
        socket = transport.get_extra_info("socket")
        if socket is None or socket.fileno() < self._limit - SPARE_DESCRIPTORS:
            return
        now_s = time.monotonic()
        if now_s >= self._quiet_until_s:
            self._quiet_until_s = now_s + DESCRIPTORS_LOGGED_EVERY_S
            logger.warning(
                "file descriptors run out: %d of %d are in use, and then clients are hung up on; "
                "`ulimit -n` raises the limit",
                *(socket.fileno() + 1, self._limit),
            )


def raise_descriptor_limit() -> None:
    """As many as this process may have: each client takes one, and a shell gives 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as error:
        # macOS names no limit, and takes none.
        logger.info("the limit of file descriptors stays as it is: %s", error)


def _lines(headers: Headers) -> bytes:
    return b"".join(b"%s: %s\r\n" % header for header in headers)
