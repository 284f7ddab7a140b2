"""Something took effect that nobody had asked for and been granted."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from shop.domain.order import Notices, Order, OrderStatus, Reason, order_notices
from testing.checkers.evidence import Content, Evidence, Mail, OrderSends, Outcome
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
    yield from _unexpected_notifications(evidence, final)


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
    content = _content(order)
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


def _unexpected_notifications(evidence: Evidence, final: FinalState) -> Iterator[Violation]:
    due = {
        order.notification_task_id: order
        for order in final.orders.values()
        if order.status in (OrderStatus.PROCESSED, OrderStatus.FAILED)
        and order.reason != Reason.ATTEMPTS_EXHAUSTED
    }
    asked = {
        send.task_id: send.mail
        for send in evidence.notifications
        if send.outcome is Outcome.ACCEPTED
    }
    # A send that nobody confirmed may have left a record, under a task id that nobody knows.
    unconfirmed = Counter(
        send.mail for send in evidence.notifications if send.outcome is Outcome.UNKNOWN
    )
    notices = _all_notices(evidence, final)
    for task_id, found in final.notifications.items():
        mail = Mail.of(found.email, found.message)
        what = None
        if task_id in due:
            if mail != _notice(due[task_id]):
                what = f"does not say what became of order {due[task_id].order_id}"
        elif task_id in asked:
            what = None if mail == asked[task_id] else "has content other than what was accepted"
        elif unconfirmed[mail] > 0:
            unconfirmed[mail] -= 1
        elif mail not in notices:
            what = "was sent by nobody"
        if what:
            yield _violation(f"notification {task_id}", what, notification=found)
    known = {send.mail for send in evidence.notifications if send.outcome is not Outcome.REFUSED}
    known |= {Mail.of(found.email, found.message) for found in final.notifications.values()}
    known |= notices
    for mail, count in evidence.mails.items():
        if mail not in known:
            yield _violation(
                f"mail to {mail.email}", "was sent by nobody", text=mail.text, count=count
            )


def _all_notices(evidence: Evidence, final: FinalState) -> set[Mail]:
    """About every order that is recorded, or may have been and be lost."""
    contents = {(order_id, _content(order)) for order_id, order in final.orders.items()}
    for order_id, sent in evidence.orders.items():
        contents |= {(order_id, content) for content in sent.possible_contents if content}
    return {mail for known in contents for mail in _possible_notices(*known)}


def _notice(order: FinalOrder) -> Mail:
    """What the customer is owed once the order is decided."""
    content = _content(order)
    message = _notices(order.order_id, content).for_outcome(OrderStatus(order.status), order.reason)
    return Mail.of(content.email or "", message)


def _possible_notices(order_id: str, content: Content) -> set[Mail]:
    """An order that was taken up again had been decided otherwise before."""
    notices = _notices(order_id, content)
    texts = (notices.processed, notices.unknown_item, notices.out_of_stock)
    return {Mail.of(content.email or "", text) for text in texts}


def _notices(order_id: str, content: Content) -> Notices:
    # Whether the record is valid is judged elsewhere.
    fields: dict[str, Any] = content._asdict()
    return order_notices(Order.model_construct(id=order_id, **fields))


def _content(order: FinalOrder) -> Content:
    return Content(order.item, order.qty, order.email)


def _violation(subject: str, what: str, **evidence: Any) -> Violation:
    return violation(Check.UNEXPECTED_EFFECT, subject, what, **evidence)
