"""An order's keys as a record."""

import logging
from collections.abc import Mapping
from typing import Any

from shop.adapters.redis import keys
from shop.adapters.redis.trips import Command, as_mapping
from shop.domain.errors import UnreadableOrder
from shop.domain.order import Order, OrderRecord, OrderStatus

logger = logging.getLogger(__name__)


def questions(order_id: str) -> list[Command]:
    """What `record_told` wants the replies to."""
    return [
        Command(("HGETALL", keys.order(order_id))),
        Command(("GET", keys.order_status(order_id))),
        Command(("EXISTS", keys.invoice(order_id))),
    ]


def record_told(order_id: str, replies: list[Any]) -> OrderRecord | None:
    """Raises `UnreadableOrder`."""
    fields, status, has_invoice = replies
    return order_record(order_id, as_mapping(fields), status, has_invoice)


def readable_record(order_id: str, replies: list[Any]) -> OrderRecord | None:
    """None also for a record that somebody damaged: what a message says may do instead."""
    try:
        return record_told(order_id, replies)
    except UnreadableOrder as error:
        logger.error("%s", error)
        return None


def order_record(
    order_id: str, fields: Mapping[str, str], status: str | None, has_invoice: int
) -> OrderRecord | None:
    """Raises `UnreadableOrder` if somebody has damaged it by hand."""
    if not fields:
        return None
    try:
        return _record(order_id, fields, status, has_invoice)
    except KeyError as error:
        raise UnreadableOrder(order_id, f"it has no {error.args[0]}") from None
    except ValueError as error:
        raise UnreadableOrder(order_id, str(error)) from None


def _record(
    order_id: str, fields: Mapping[str, str], status: str | None, has_invoice: int
) -> OrderRecord:
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
        currency=fields.get("currency"),
        invoice_number=fields.get("invoice_number"),
        invoice_task_id=fields.get("invoice_task_id"),
        has_invoice=bool(has_invoice),
        message_id=fields.get("message_id"),
    )


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def content(order: Order) -> tuple[str, str, int, str]:
    """What tells an order from another of the same id, as scripts take it."""
    return order.id, order.item, order.qty, order.email
