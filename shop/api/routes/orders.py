"""Orders: placing one, and where it stands."""

from typing import Any

from fastapi import APIRouter, Request, Response

from shop.api.answers import answer, location, utc
from shop.api.body import read_json
from shop.api.deps import ORDER_ID_IN_PATH, in_time, order_id_in_path, services
from shop.api.openapi import header, json_body, links, problems
from shop.api.problems import (
    BACKLOG_FULL,
    BODY_TOO_LARGE,
    INVALID_REQUEST,
    ORDER_CONFLICT,
    ORDER_NOT_FOUND,
    OVERLOADED,
    STORE_UNAVAILABLE,
    UNSUPPORTED_ENCODING,
)
from shop.api.schemas import OrderAccepted, OrderView
from shop.domain.errors import UnknownOrder
from shop.domain.order import Order, OrderRecord

router = APIRouter(tags=["orders"])

_LOCATION = header(
    "Location", "Where the task's state is.", "/status/5d1e0a3c-8f0e-4f52-9c57-0a4f7a6b9d21"
)
_LINKS = links(show_task="task_id", show_order="order_id", show_invoice="order_id")


@router.post(
    "/order",
    status_code=202,
    summary="Place an order",
    response_description="The order is recorded and will be processed.",
    responses={
        202: {"model": OrderAccepted, **_LOCATION, **_LINKS},
        200: {
            "model": OrderAccepted,
            "description": "The same order was placed before; nothing was added.",
            **_LOCATION,
            **_LINKS,
        },
        **problems(
            ORDER_CONFLICT,
            INVALID_REQUEST,
            BODY_TOO_LARGE,
            UNSUPPORTED_ENCODING,
            STORE_UNAVAILABLE,
            BACKLOG_FULL,
            OVERLOADED,
        ),
    },
    openapi_extra=json_body(
        Order,
        order={"id": "1001", "item": "SKU-1", "qty": 2, "email": "ann@example.com"},
        id_as_number={"id": 1001, "item": "SKU-1", "qty": 2, "email": "ann@example.com"},
        unknown_item={"id": "1002", "item": "NO-SUCH", "qty": 1, "email": "ann@example.com"},
    ),
)
async def place_order(request: Request) -> Response:
    """Record an order; it is processed in the background.

    The `id` is yours. Sending the same order again is always safe: it is placed once.
    """
    order = await read_json(request, Order)
    placement = await in_time(services(request).orders.place(order))
    return answer(
        {"task_id": placement.task_id, "order_id": order.id, "status": placement.status},
        202 if placement.created else 200,
        location(placement.task_id),
    )


@router.get(
    "/order/{order_id}",
    summary="Where an order stands",
    responses={
        200: {"model": OrderView, **links(show_task="task_id", show_invoice="order_id")},
        **problems(ORDER_NOT_FOUND, STORE_UNAVAILABLE),
    },
    openapi_extra=ORDER_ID_IN_PATH,
)
async def show_order(request: Request) -> Response:
    """Its status, why it failed if it did, and where its invoice is once there is one."""
    order_id = order_id_in_path(request)
    record = await in_time(services(request).orders.find(order_id))
    if record is None:
        raise UnknownOrder(order_id)
    return answer(_view(record))


def _view(record: OrderRecord) -> dict[str, Any]:
    return {
        "order_id": record.order_id,
        "status": record.status,
        "item": record.item,
        "qty": record.qty,
        "reason": record.reason,
        "placed_at": utc(record.placed_at_ms),
        "processed_at": utc(record.processed_at_ms),
        "task_id": record.task_id,
        "invoice": f"/invoice/{record.order_id}" if record.has_invoice else None,
    }
