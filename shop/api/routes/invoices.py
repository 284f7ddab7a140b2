"""Invoices: the PDF, or why there is none."""

from fastapi import APIRouter, Request, Response

from shop.api.answers import NO_STORE
from shop.api.deps import ORDER_ID_IN_PATH, in_time, order_id_in_path, services
from shop.api.openapi import header, problems
from shop.api.problems import (
    INVOICE_NOT_READY,
    ORDER_FAILED,
    ORDER_NOT_FOUND,
    STORE_UNAVAILABLE,
    Problem,
)
from shop.domain.errors import UnknownOrder
from shop.domain.order import NO_INVOICE_REASONS, OrderRecord, OrderStatus
from shop.services.ordering import OrderDesk

router = APIRouter(tags=["invoices"])


class PdfResponse(Response):
    media_type = "application/pdf"


@router.get(
    "/invoice/{order_id}",
    summary="An order's invoice",
    response_class=PdfResponse,
    response_description="The invoice.",
    responses={
        200: {
            "content": {"application/pdf": {"schema": {"contentMediaType": "application/pdf"}}},
            **header(
                "Content-Disposition",
                "The file's name.",
                'attachment; filename="invoice-1001.pdf"',
            ),
        },
        **problems(ORDER_NOT_FOUND, INVOICE_NOT_READY, ORDER_FAILED, STORE_UNAVAILABLE),
    },
    openapi_extra=ORDER_ID_IN_PATH,
)
async def show_invoice(request: Request) -> Response:
    """The invoice as a PDF; while there is none, the problem's `type` says why."""
    order_id = order_id_in_path(request)
    pdf = await in_time(_invoice(services(request).orders, order_id))
    disposition = f'attachment; filename="invoice-{order_id}.pdf"'
    return PdfResponse(pdf, headers={**NO_STORE, "Content-Disposition": disposition})


async def _invoice(orders: OrderDesk, order_id: str) -> bytes:
    # The PDF first: a task sent by hand makes one for an order that was never placed.
    pdf = await orders.invoice(order_id)
    if pdf is not None:
        return pdf
    record = await orders.find(order_id)
    if record is None:
        raise UnknownOrder(order_id)
    raise _no_invoice(record)


def _no_invoice(record: OrderRecord) -> Problem:
    given_up = record.reason in NO_INVOICE_REASONS
    if record.status is OrderStatus.FAILED or (given_up and not record.has_invoice):
        return Problem(
            ORDER_FAILED,
            f"Order {record.order_id} has no invoice, and will have none: {record.reason}.",
            order_status=record.status,
            reason=record.reason,
        )
    return Problem(
        INVOICE_NOT_READY,
        f"Order {record.order_id} is {record.status}; its invoice is not ready yet.",
        order_status=record.status,
    )
