"""One invoice for each processed order: not none, and not two."""

from collections.abc import Iterator

from shop.domain.order import OrderStatus
from testing.checkers.evidence import Evidence
from testing.checkers.violation import Check, Expectations, Violation, violation
from testing.final_state import FinalState


def check_missing_invoice(
    evidence: Evidence, final: FinalState, _: Expectations
) -> Iterator[Violation]:
    """Of every processed order, whether its placing was answered or not."""
    for order_id, order in final.orders.items():
        if order.status == OrderStatus.PROCESSED and order_id not in final.invoices:
            seen = list(evidence.invoices_stored.get(order_id, ()))
            what = (
                "its invoice was stored, and is gone" if seen else "is processed, with no invoice"
            )
            if order_id in final.orders_dead:
                what = f"its invoice was given up: {order.reason}"
            yield violation(
                Check.MISSING_INVOICE, f"order {order_id}", what, order=order, stored=seen
            )


def check_double_invoice(
    evidence: Evidence, final: FinalState, _: Expectations
) -> Iterator[Violation]:
    """Made again with the same bytes is no harm: a customer cannot tell."""
    for order_id, stored in evidence.invoices_stored.items():
        digests = {digest for digest in (*stored, final.invoices.get(order_id)) if digest}
        if len(digests) > 1:
            yield violation(
                Check.DOUBLE_INVOICE,
                f"order {order_id}",
                f"{len(digests)} different invoices were stored",
                stored=list(stored),
                kept=final.invoices.get(order_id),
            )
