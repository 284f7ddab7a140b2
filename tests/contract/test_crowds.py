"""Many at once: the stock falls once for each order, and not below zero."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from shop.domain.order import Order, Settlement
from tests.builders import an_order, follow_ups
from tests.contract.backends import Backend, Ports

CROWD = 20


def settle_together(ports: Ports, orders: list[Order]) -> list[Settlement]:
    """Each order in a thread of its own: all begin at once, then all settle at once."""
    together = Barrier(len(orders))

    def settle(number: int, order: Order) -> Settlement:
        together.wait(timeout=10)
        ports.book.begin(order, f"task-of-{order.id}", f"delivery-{number}")
        # Every delivery has seen the order pending before the first of them settles it.
        together.wait(timeout=10)
        return ports.book.settle(order.id, order.item, follow_ups(order, suffix=f"-{number}"))

    with ThreadPoolExecutor(len(orders)) as threads:
        return list(threads.map(settle, range(len(orders)), orders, timeout=30))


def test_twenty_customers_and_ten_pieces(ports: Ports, backend: Backend) -> None:
    backend.set_by_hand("stock", "SKU-1", "10")

    settlements = settle_together(ports, [an_order(f"order-{n}", qty=1) for n in range(CROWD)])

    ended = Counter((settlement.status.value, settlement.reason) for settlement in settlements)
    assert ended == {("processed", None): 10, ("failed", "out_of_stock"): 10}
    assert backend.stock_text("SKU-1") == "0"


def test_one_order_delivered_twenty_times_at_once(ports: Ports, backend: Backend) -> None:
    backend.set_by_hand("stock", "SKU-1", "100")

    settlements = settle_together(ports, [an_order(qty=3)] * CROWD)

    assert backend.stock_text("SKU-1") == "97"
    assert len({settlement.invoice_task_id for settlement in settlements}) == 1
    assert len({settlement.notification_task_id for settlement in settlements}) == 1
    assert len(backend.open_notifications()) == 1
    record = ports.book.find("1001")
    assert record is not None
    assert record.attempts == CROWD
