"""An order's keys as a record."""

import logging
from collections.abc import Mapping

from shop.domain.order import Order, OrderRecord, OrderStatus

logger = logging.getLogger(__name__)


def order_record(
    order_id: str, fields: Mapping[str, str], status: str | None, has_invoice: int
) -> OrderRecord | None:
    if not fields:
        return None
    return OrderRecord(
        order_id=order_id,
        item=fields["item"],
        qty=int(fields["qty"]),
        email=fields["email"],
        task_id=fields["task_id"],
        status=OrderStatus(status or OrderStatus.PENDING),
        placed_at_ms=int(fields["placed_at"]),
        processed_at_ms=_number(fields.get("processed_at")),
        reason=fields.get("reason"),
        attempts=int(fields.get("attempts", 0)),
        unit_price_minor=_number(fields.get("unit_price")),
        invoice_task_id=fields.get("invoice_task_id"),
        has_invoice=bool(has_invoice),
    )


def readable_record(
    order_id: str, fields: Mapping[str, str], status: str | None, has_invoice: int
) -> OrderRecord | None:
    """None also for what somebody damaged by hand: one such order must not stop the sweep."""
    try:
        return order_record(order_id, fields, status, has_invoice)
    except (KeyError, ValueError) as error:
        logger.error("the record of order %s cannot be read: %r", order_id, error)
        return None


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def content(order: Order) -> tuple[str, str, int, str]:
    """What tells an order from another of the same id, as scripts take it."""
    return order.id, order.item, order.qty, order.email
