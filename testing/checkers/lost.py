"""Accepted, and never finished."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from shop.domain.notification import NotificationStatus
from shop.domain.order import OrderStatus, Reason
from testing.checkers.evidence import Evidence, Mail, OrderSends, Outcome
from testing.checkers.stock import least_left_for
from testing.checkers.violation import Check, Expectations, Violation, violation
from testing.final_state import FinalNotification, FinalOrder, FinalState


def check_lost(
    evidence: Evidence, final: FinalState, expected: Expectations
) -> Iterator[Violation]:
    """Orders, the customers' mails about them, notifications, and stock that is gone itself."""
    for order_id, sent in evidence.orders.items():
        order = final.orders.get(order_id)
        what = _lost_order(sent, order, final, expected)
        if order and sent.may_exist and expected.order_notifications:
            what = what or _untold_customer(order, final, expected)
        if what:
            yield _violation(f"order {order_id}", what, sent=sent.as_json(), order=order)
    for send in evidence.notifications:
        if send.outcome is Outcome.ACCEPTED:
            found = final.notifications.get(send.task_id or "")
            if what := _undelivered(found, expected):
                subject = f"notification {send.task_id}"
                yield _violation(subject, what, sent=send.as_json(), notification=found)
    if "mail" in evidence.watching_since_ms:
        yield from _mails_that_never_came(evidence, final)
    for sku in final.initial_stock:
        if final.stock.get(sku) is None:
            yield _violation(f"stock {sku}", "its level is gone, or no number any more")


def _lost_order(
    sent: OrderSends, order: FinalOrder | None, final: FinalState, expected: Expectations
) -> str | None:
    if order is None:
        if sent.accepted:
            return "was accepted, and there is no record of it"
        if sent.conflicts:
            return "was recorded, for a send was refused as conflicting, and the record is gone"
        return None
    if len(sent.placings) > 1:
        return "was accepted as new more than once: its record had been lost in between"
    if order.status == OrderStatus.PENDING:
        if order.order_id not in final.orders_open:
            return "is pending, and not among the open orders: nobody will take it up"
        return "was accepted, and is still pending" if sent.must_exist else None
    if order.status == OrderStatus.FAILED:
        return _unfounded_failure(order, final, expected)
    return None if order.status == OrderStatus.PROCESSED else f"is {order.status!r}: no such status"


def _unfounded_failure(order: FinalOrder, final: FinalState, expected: Expectations) -> str | None:
    """Why the reason that an order failed for does not hold."""
    item, qty = order.item or "", order.qty or 0
    match order.reason:
        case Reason.UNKNOWN_ITEM:
            return (
                "failed as unknown, and the item was sold" if item in final.initial_stock else None
            )
        case Reason.OUT_OF_STOCK:
            left = least_left_for(order, final)
            if qty <= left:
                return f"failed for lack of stock, and {left} were left when it was decided"
            return None
        case Reason.ATTEMPTS_EXHAUSTED:
            return None if expected.may_give_up else "was given up after its last attempt"
        case reason:
            return f"failed for no reason that there is: {reason}"


def _untold_customer(order: FinalOrder, final: FinalState, expected: Expectations) -> str | None:
    decided = order.status in (OrderStatus.PROCESSED, OrderStatus.FAILED)
    if not decided or order.reason == Reason.ATTEMPTS_EXHAUSTED:
        return None
    if order.notification_task_id is None:
        return "is decided, and its customer was to hear of it and does not"
    found = final.notifications.get(order.notification_task_id)
    what = _undelivered(found, expected)
    return what and f"is decided, and the notification about it {what}"


def _undelivered(found: FinalNotification | None, expected: Expectations) -> str | None:
    if found is None:
        return "has no record"
    match found.status:
        case NotificationStatus.DELIVERED:
            return None
        case NotificationStatus.FAILED:
            return None if expected.may_give_up else f"was given up: {found.reason}"
        case status:
            return f"is still {status}"


def _mails_that_never_came(evidence: Evidence, final: FinalState) -> Iterator[Violation]:
    """Two notifications may be alike to the letter: their mails are told apart by number only."""
    delivered: dict[Mail, list[str]] = defaultdict(list)
    for task_id, found in final.notifications.items():
        if found.status == NotificationStatus.DELIVERED:
            delivered[Mail.of(found.email, found.message)].append(task_id)
    for mail, task_ids in delivered.items():
        arrived = evidence.mails[mail]
        if arrived < len(task_ids):
            yield _violation(
                f"notification {', '.join(task_ids)}",
                f"counts as delivered, and of {len(task_ids)} mails {arrived} arrived",
                mail=mail._asdict(),
            )


def _violation(subject: str, what: str, **evidence: Any) -> Violation:
    return violation(Check.LOST, subject, what, **evidence)
