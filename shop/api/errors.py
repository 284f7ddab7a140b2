"""The one place where errors become HTTP."""

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from shop.api.body import MAX_ERRORS, field_errors, invalid_request, shown
from shop.api.problems import (
    API_KEY_REQUIRED,
    BACKLOG_FULL,
    INTERNAL_ERROR,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    ORDER_CONFLICT,
    ORDER_NOT_FOUND,
    STORE_UNAVAILABLE,
    UNSUPPORTED_ENCODING,
    Problem,
    ProblemType,
    problem_response,
)
from shop.domain.errors import (
    BacklogFull,
    OrderConflict,
    StoreUnavailable,
    UnknownOrder,
    UnreadableOrder,
)

logger = logging.getLogger(__name__)

#: What answers of a kind say in a header, by slug.
_HEADERS = {
    API_KEY_REQUIRED.slug: {"WWW-Authenticate": "ApiKey"},
    UNSUPPORTED_ENCODING.slug: {"Accept-Encoding": "identity"},
}


def install_error_handlers(app: FastAPI) -> None:
    """Every error that leaves a route becomes a problem document."""
    handlers = {
        Problem: _problem,
        OrderConflict: _order_conflict,
        UnknownOrder: _unknown_order,
        UnreadableOrder: _unreadable_order,
        BacklogFull: _backlog_full,
        StoreUnavailable: _store_unavailable,
        RequestValidationError: _invalid,
        HTTPException: _http_error,
        ClientDisconnect: _disconnected,
        # Starlette answers with it and raises the error on, so that the server logs it.
        Exception: _unexpected,
    }
    for error, handler in handlers.items():
        app.add_exception_handler(error, handler)  # type: ignore[arg-type]


async def _problem(_: Request, error: Problem) -> Response:
    return problem_response(error.kind, error.detail, error.members, _HEADERS.get(error.kind.slug))


async def _order_conflict(_: Request, error: OrderConflict) -> Response:
    return problem_response(ORDER_CONFLICT, f"Order {error.order_id} exists with other content.")


async def _unknown_order(_: Request, error: UnknownOrder) -> Response:
    return problem_response(ORDER_NOT_FOUND, f"There is no order {shown(error.order_id)}.")


async def _unreadable_order(request: Request, error: UnreadableOrder) -> Response:
    # What is wrong with it may be a customer's data: it is for the log only.
    logger.error("%s %s: %s", request.method, request.url.path, error)
    detail = f"The record of order {error.order_id} is damaged; the shop's log says how."
    return problem_response(INTERNAL_ERROR, detail)


async def _backlog_full(_: Request, error: BacklogFull) -> Response:
    detail = f"{error.open_orders} orders are open; the limit is {error.limit}."
    return problem_response(BACKLOG_FULL, detail)


async def _store_unavailable(request: Request, error: StoreUnavailable) -> Response:
    # The reason names hosts and ports: it is for the log only.
    logger.warning("%s %s: %s", request.method, request.url.path, error)
    return problem_response(STORE_UNAVAILABLE, STORE_UNAVAILABLE.example)


async def _invalid(_: Request, error: RequestValidationError) -> Response:
    found = error.errors()[:MAX_ERRORS]
    return await _problem(_, invalid_request(field_errors(found, skip=1)))


async def _http_error(request: Request, error: HTTPException) -> Response:
    headers = dict(error.headers or {})
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            kind, detail = NOT_FOUND, f"There is nothing at {shown(request.url.path)}."
        case HTTPStatus.METHOD_NOT_ALLOWED:
            kind, detail = METHOD_NOT_ALLOWED, f"{shown(request.method)} is not allowed here."
            if headers.get("Allow") == "GET":
                headers["Allow"] = "GET, HEAD"
        case status:
            return _untyped(status, str(error.detail), headers)
    return problem_response(kind, detail, headers=headers)


async def _disconnected(_: Request, _error: ClientDisconnect) -> Response:
    """Nobody is left to read it, but without an answer the server would log a fault."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


async def _unexpected(_: Request, _error: Exception) -> Response:
    return problem_response(INTERNAL_ERROR, INTERNAL_ERROR.example)


def _untyped(status: int, detail: str, headers: dict[str, str]) -> Response:
    """A status that needs no explanation of the shop's own."""
    kind = ProblemType("", status, HTTPStatus(status).phrase, "", "")
    return problem_response(kind, detail, {"type": "about:blank"}, headers)
