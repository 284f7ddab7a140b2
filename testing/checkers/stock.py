"""The sum that must come out for every item: initial = left + sold."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

from shop.domain.order import OrderStatus
from testing.final_state import FinalOrder, FinalState


@dataclass(slots=True)
class Account:
    """One item's sum, in units."""

    sku: str
    initial: int
    left: int
    #: order id -> units, of every processed order.
    sold_to: dict[str, int] = field(default_factory=dict)

    @property
    def sold(self) -> int:
        return sum(self.sold_to.values())

    @property
    def taken(self) -> int:
        """What the stock fell by."""
        return self.initial - self.left

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "sold": self.sold, "taken": self.taken}


def accounts(final: FinalState) -> Iterator[Account]:
    """Of every item that was there at the beginning or was sold; its level must be readable."""
    sold_to: Mapping[str, dict[str, int]] = defaultdict(dict)
    for order in final.orders.values():
        if order.status == OrderStatus.PROCESSED:
            sold_to[order.item or ""][order.order_id] = order.qty or 0
    for sku in sorted({*final.initial_stock, *sold_to}):
        initial = final.initial_stock.get(sku)
        left = final.stock.get(sku)
        if initial is None:
            # It was never in the stock: whatever stands there now, nothing of it could be sold.
            yield Account(sku, 0, 0, sold_to[sku])
        elif left is not None:
            yield Account(sku, initial, left, sold_to[sku])


def least_left_for(failed: FinalOrder, final: FinalState) -> int:
    """Units that were there at least when an order was decided; 0 if nothing is known of it.

    Each decision is stamped by the server's clock within the script that makes it, and a file
    that the server appends to keeps its beginning: where a failure has survived, so has every
    sale before it. What was taken and not sold may have been taken at any time.
    """
    item = failed.item or ""
    # Stock only falls, so what is left now was there at any time.
    left = final.stock.get(item) or 0
    initial = final.initial_stock.get(item)
    if initial is None or failed.processed_at_ms is None:
        return left
    sold = sold_by_then = 0
    for order in final.orders.values():
        if order.status == OrderStatus.PROCESSED and order.item == item:
            sold += order.qty or 0
            # One without a time may have come before, and so may one of the same millisecond.
            if (order.processed_at_ms or 0) <= failed.processed_at_ms:
                sold_by_then += order.qty or 0
    taken_unsold = max(0, initial - left - sold)
    return max(left, initial - sold_by_then - taken_unsold)
