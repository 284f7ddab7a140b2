"""What can be wrong with a request or behind it: RFC 9457 problem documents and their types.

The types are relative references, so that they stay the same wherever the shop is served, and
`GET /problems/{slug}` explains each of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from shop.api.answers import NO_STORE, to_json

PROBLEM_MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of problem; its URI is part of the contract, its words are not."""

    slug: str
    status: int
    title: str
    #: When it happens, and what to do about it.
    meaning: str
    #: The `detail` of one such problem, for the documentation.
    example: str
    #: Whole seconds after which the same request may succeed; None when it never will.
    retry_after_s: int | None = None
    #: Members that a document of this type has beside the standard ones.
    example_members: Mapping[str, Any] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        return f"/problems/{self.slug}"

    def document(self, detail: str, members: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "type": self.uri,
            "title": self.title,
            "status": self.status,
            "detail": detail,
            **members,
        }


class Problem(Exception):
    """Ends a request with a problem document; `members` are added to it."""

    def __init__(self, kind: ProblemType, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.members = members


def problem_response(
    kind: ProblemType,
    detail: str,
    members: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    all_headers = {**NO_STORE, **(headers or {})}
    if kind.retry_after_s is not None:
        all_headers["Retry-After"] = str(kind.retry_after_s)
    return Response(
        to_json(kind.document(detail, members or {})),
        kind.status,
        all_headers,
        PROBLEM_MEDIA_TYPE,
    )


INVALID_REQUEST = ProblemType(
    "invalid-request",
    422,
    "The request is invalid",
    "The body is not what the operation takes: no JSON object, a field missing, unknown, given "
    "twice or out of its limits. `errors` names each field; `body` stands for the whole of it. "
    "Nothing was stored. Correct it before sending it again.",
    "qty: Input should be less than or equal to 10000",
    example_members={
        "errors": [{"field": "qty", "message": "Input should be less than or equal to 10000"}]
    },
)
BAD_REQUEST = ProblemType(
    "bad-request",
    400,
    "The request is not HTTP",
    "What came is not HTTP/1.1: a line, a header or the framing of the body cannot be read, or "
    "there is not exactly one Host header. The connection is closed.",
    "The request could not be read.",
)
REQUEST_TIMEOUT = ProblemType(
    "request-timeout",
    408,
    "The request did not come in time",
    "A request's head and its body have to come within REQUEST_TIMEOUT_S each, 10 s by default. "
    "Nothing was stored, and the connection is closed.",
    "The request did not come in time.",
)
UNSUPPORTED_ENCODING = ProblemType(
    "unsupported-encoding",
    415,
    "The body's encoding is not supported",
    "A body is taken as it is: without Content-Encoding, and with no Transfer-Encoding but "
    "chunked. Nothing was stored. Send it without compression.",
    "The body is encoded as gzip; send it without Content-Encoding.",
)
BODY_TOO_LARGE = ProblemType(
    "body-too-large",
    413,
    "The body is too large",
    "A request's body may have 64 KiB at most; the rest of it was not read.",
    "A body may have 65536 bytes at most.",
)
URI_TOO_LONG = ProblemType(
    "uri-too-long",
    414,
    "The address is too long",
    "A request's path and query may have 8 KiB at most, together.",
    "Path and query may have 8192 bytes at most.",
)
HEADERS_TOO_LARGE = ProblemType(
    "headers-too-large",
    431,
    "The headers are too many or too large",
    "A request may have 100 headers and 16 KiB of them at most, names and values together.",
    "Headers may be 100 and have 16384 bytes at most.",
)
API_KEY_REQUIRED = ProblemType(
    "api-key-required",
    401,
    "A valid API key is required",
    "Calls that write or show a customer's data need the shop's key in the X-API-Key header.",
    "The X-API-Key header is missing.",
)
NOT_FOUND = ProblemType(
    "not-found",
    404,
    "Nothing is here",
    "The API has no such path; /docs lists those that it has.",
    "There is nothing at /orders.",
)
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed",
    405,
    "The method is not allowed here",
    "The path exists, but not for this method; the Allow header lists those that work.",
    "DELETE is not allowed here.",
)
ORDER_NOT_FOUND = ProblemType(
    "order-not-found",
    404,
    "There is no such order",
    "No order was ever placed under this id.",
    "There is no order 1001.",
)
TASK_NOT_FOUND = ProblemType(
    "task-not-found",
    404,
    "There is no such task",
    "The id was never issued, or its record has expired: one is kept for a day after its "
    "task's last step.",
    "There is no task 5d1e0a3c-8f0e-4f52-9c57-0a4f7a6b9d21.",
)
INVOICE_NOT_READY = ProblemType(
    "invoice-not-ready",
    404,
    "The invoice is not ready yet",
    "The order is known and still being worked on. Ask again after as many seconds as the "
    "Retry-After header says.",
    "Order 1001 is pending; its invoice is not ready yet.",
    retry_after_s=1,
    example_members={"order_status": "pending"},
)
ORDER_FAILED = ProblemType(
    "order-failed",
    404,
    "The order failed, so it has no invoice",
    "The order, or the making of its invoice, was given up, and there is nothing to wait for; "
    "`reason` says why.",
    "Order 1001 failed: out_of_stock.",
    example_members={"order_status": "failed", "reason": "out_of_stock"},
)
ORDER_CONFLICT = ProblemType(
    "order-conflict",
    409,
    "The order's id is taken",
    "An order with this id and other content was placed before, and stays as it is. Use a new "
    "id for a new order.",
    "Order 1001 exists with other content.",
)
BACKLOG_FULL = ProblemType(
    "backlog-full",
    503,
    "Too many orders are open",
    "The shop has as many unfinished orders as it accepts. Nothing was stored; send the same "
    "order again after as many seconds as the Retry-After header says.",
    "100000 orders are open, which is the limit.",
    retry_after_s=5,
)
OVERLOADED = ProblemType(
    "overloaded",
    503,
    "Too many orders come at once",
    "More orders came than the process that was asked can place. Nothing was stored; send the "
    "same order again after as many seconds as the Retry-After header says.",
    "There is no room for another order now.",
    retry_after_s=1,
)
STORE_UNAVAILABLE = ProblemType(
    "store-unavailable",
    503,
    "The store does not answer",
    "Redis did not confirm in time, so it is not known whether the request took effect. "
    "Sending the same order again is always safe.",
    "The store did not confirm in time; send the same request again.",
    retry_after_s=1,
)
NOT_READY = ProblemType(
    "not-ready",
    503,
    "The shop is not ready",
    "Something that the shop needs is missing: `missing` names it. `redis` is the store, "
    "`worker:{queue}` a live worker of that queue, `worker:{queue} is paused` one that takes from "
    "it: `celery control add_consumer {queue}` ends a pause.",
    "Missing: worker:priority.",
    retry_after_s=1,
    example_members={"missing": ["worker:priority"]},
)
INTERNAL_ERROR = ProblemType(
    "internal-error",
    500,
    "Something went wrong here",
    "A fault of the shop; its log says more. Sending the same order again is always safe.",
    "The shop failed to answer this request; its log says why.",
)

PROBLEM_TYPES = {
    kind.slug: kind
    for kind in (
        BAD_REQUEST,
        INVALID_REQUEST,
        REQUEST_TIMEOUT,
        UNSUPPORTED_ENCODING,
        BODY_TOO_LARGE,
        URI_TOO_LONG,
        HEADERS_TOO_LARGE,
        API_KEY_REQUIRED,
        NOT_FOUND,
        METHOD_NOT_ALLOWED,
        ORDER_NOT_FOUND,
        TASK_NOT_FOUND,
        INVOICE_NOT_READY,
        ORDER_FAILED,
        ORDER_CONFLICT,
        BACKLOG_FULL,
        OVERLOADED,
        STORE_UNAVAILABLE,
        NOT_READY,
        INTERNAL_ERROR,
    )
}
