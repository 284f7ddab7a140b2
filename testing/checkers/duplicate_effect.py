"""Stock was taken for an order more than once."""

from collections.abc import Iterator

from testing.checkers.evidence import Evidence
from testing.checkers.stock import accounts
from testing.checkers.violation import Check, Expectations, Violation, violation
from testing.final_state import FinalState


def check_duplicate_effect(
    evidence: Evidence, final: FinalState, _: Expectations
) -> Iterator[Violation]:
    """By what was seen for each order, and by each item's sum, which needs no observer."""
    named = set()
    for order_id, taken_at_ms in evidence.stock_taken.items():
        if len(taken_at_ms) > 1:
            order = final.orders.get(order_id)
            named.add(order.item if order else None)
            yield violation(
                Check.DUPLICATE_EFFECT,
                f"order {order_id}",
                f"stock was taken for it {len(taken_at_ms)} times",
                taken_at_ms=list(taken_at_ms),
                order=order,
            )
    for account in accounts(final):
        # Where an order was seen to take too much, the sum says nothing new.
        if account.taken > account.sold and account.sku not in named:
            yield violation(
                Check.DUPLICATE_EFFECT,
                f"stock {account.sku}",
                f"fell by {account.taken}, and {account.sold} were sold",
                account=account.as_json(),
            )
