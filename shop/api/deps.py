"""What routes need beside their request."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from secrets import compare_digest
from typing import Annotated, TypeVar

from fastapi import Request, Security
from fastapi.security import APIKeyHeader

from shop.api.openapi import path_parameter
from shop.api.problems import API_KEY_REQUIRED, Problem
from shop.bootstrap import ApiServices
from shop.domain.errors import StoreUnavailable, UnknownOrder
from shop.domain.order import IDENTIFIER_PATTERN

T = TypeVar("T")

#: Every answer comes within 2 s, also from a busy process; the adapters' time-outs add up to more.
ANSWER_WITHIN_S = 1.5

#: What `order_id_in_path` reads, for a route's `openapi_extra`.
ORDER_ID_IN_PATH = path_parameter("order_id", "The customer's own id.", "1001")

_IDENTIFIER = re.compile(IDENTIFIER_PATTERN)

API_KEY_HEADER = APIKeyHeader(
    name="X-API-Key",
    scheme_name="ApiKey",
    description="The shop's key, as set in `API_KEY`.",
    auto_error=False,
)


def services(request: Request) -> ApiServices:
    """The services of the app that serves `request`."""
    # Called, not injected: a dependency of FastAPI would cost more than some routes do.
    found: ApiServices = request.app.state.services
    return found


async def in_time(work: Awaitable[T]) -> T:
    """The outcome of `work`, or `StoreUnavailable` once a client has waited long enough."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await work
    except TimeoutError:
        raise StoreUnavailable(f"no answer within {ANSWER_WITHIN_S} s") from None


def order_id_in_path(request: Request) -> str:
    """The order that a path names; an id that no order can have is one that no order has."""
    order_id: str = request.path_params["order_id"]
    if not _IDENTIFIER.fullmatch(order_id):
        raise UnknownOrder(order_id)
    return order_id


def api_key_guard(api_keys: Sequence[str]) -> Callable[..., Awaitable[None]]:
    """A dependency that lets only requests with one of `api_keys` pass."""
    expected = [key.encode() for key in api_keys]

    async def guard(given: Annotated[str | None, Security(API_KEY_HEADER)]) -> None:
        if given is None:
            raise Problem(API_KEY_REQUIRED, "The X-API-Key header is missing.")
        # Header values are bytes, which Starlette reads as Latin-1. All are compared, so that the
        # time tells nothing about which one it is.
        sent = given.encode("latin-1")
        if not sum(compare_digest(sent, key) for key in expected):
            raise Problem(API_KEY_REQUIRED, "The X-API-Key header holds another key.")

    return guard
