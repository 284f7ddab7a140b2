"""Something took effect that nobody had asked for and been granted."""

from collections.abc import Iterator
from typing import Any

from shop.domain.order import OrderStatus
from testing.checkers.evidence import Evidence, OrderSends
from testing.checkers.notifications import content_of, unexpected_notifications
from testing.checkers.violation import Check, Expectations, Violation, violation
from testing.final_state import FinalOrder, FinalState

NEVER_SENT = OrderSends(())


def check_unexpected_effect(
    evidence: Evidence, final: FinalState, _: Expectations
) -> Iterator[Violation]:
    """Orders, then stock, then mail and the notifications that it comes from."""
    touched = {
        *evidence.orders,
        *evidence.stock_taken,
        *evidence.invoices_stored,
        *final.orders,
        *final.invoices,
    }
    for order_id in sorted(touched):
        yield from _unexpected_order(order_id, evidence, final)
    for sku, fallen_at_ms in evidence.stray_stock.items():
        yield _violation(
            f"stock {sku}",
            "fell outside an order's transition",
            fallen_at_ms=list(fallen_at_ms),
        )
    yield from unexpected_notifications(evidence, final)


def _unexpected_order(order_id: str, evidence: Evidence, final: FinalState) -> Iterator[Violation]:
    """At most one violation: the first of these explains the rest."""
    sent = evidence.orders.get(order_id, NEVER_SENT)
    order = final.orders.get(order_id)
    effects = {
        "record": order,
        "stock_taken_at_ms": list(evidence.stock_taken.get(order_id, ())),
        "invoices": list(evidence.invoices_stored.get(order_id, ())),
        "invoice": final.invoices.get(order_id),
    }
    what = None
    if not sent.may_exist:
        if any(effects.values()):
            what = "was refused at every send" if sent.sends else "was never sent"
            what += ", and took effect"
    elif order is None:
        # What was accepted is lost, and said so elsewhere.
        if any(effects.values()) and not sent.must_exist:
            what = "took effect, and there is no record of it"
    else:
        what = _other_order(order, sent) or _undue_effect(order, evidence, final)
    if what:
        yield _violation(f"order {order_id}", what, sent=sent.as_json(), **effects)


def _other_order(order: FinalOrder, sent: OrderSends) -> str | None:
    """How the order that is recorded differs from what was sent and answered."""
    content = content_of(order)
    possible = sent.possible_contents
    if content not in possible:
        if content in {send.content for send in sent.conflicts}:
            return "has the content of a send that was refused as conflicting"
        return "has content that was never sent, or not accepted"
    if len(possible) > 1 and sent.accepted:
        return "was accepted with different contents"
    if sent.accepted and content in {send.content for send in sent.conflicts}:
        return "was refused as conflicting with itself"
    told = {send.task_id for send in sent.accepted if send.task_id}
    # Told of two tasks that were both new, its customer has lost the first: said elsewhere.
    if told - {order.task_id} and len(sent.placings) < 2:
        return f"has the task {order.task_id}, and its customer was told {sorted(told)}"
    return None


def _undue_effect(order: FinalOrder, evidence: Evidence, final: FinalState) -> str | None:
    """What only a processed order may have."""
    if order.status == OrderStatus.PROCESSED:
        return None
    if evidence.stock_taken.get(order.order_id):
        return f"is {order.status}, and stock was taken for it"
    if order.order_id in final.invoices or evidence.invoices_stored.get(order.order_id):
        return f"is {order.status}, and has an invoice"
    return None


def _violation(subject: str, what: str, **evidence: Any) -> Violation:
    return violation(Check.UNEXPECTED_EFFECT, subject, what, **evidence)
