"""What routes need beside their request."""

import asyncio
import re
from collections.abc import Awaitable
from typing import TypeVar

from fastapi import Request

from shop.api.openapi import path_parameter
from shop.bootstrap import ApiServices
from shop.domain.errors import StoreUnavailable, UnknownOrder
from shop.domain.order import IDENTIFIER_PATTERN

T = TypeVar("T")

#: Every answer comes within 2 s, also from a busy process; the adapters' time-outs add up to more.
ANSWER_WITHIN_S = 1.5

#: What `order_id_in_path` reads, for a route's `openapi_extra`.
ORDER_ID_IN_PATH = path_parameter("order_id", "The customer's own id.", "1001")

_IDENTIFIER = re.compile(IDENTIFIER_PATTERN)


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
