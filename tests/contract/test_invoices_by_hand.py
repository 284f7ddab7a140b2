"""An invoice that was made by hand before there was an order is not that order's."""

from shop.domain.order import Begun
from tests.builders import an_order
from tests.contract.backends import Ports


async def test_a_placed_order_gets_an_invoice_of_its_own(ports: Ports) -> None:
    ports.book.store_invoice("1001", b"%PDF by hand")

    await ports.intake.place(an_order("1001"), "task-1")

    assert await ports.intake.invoice("1001") is None


async def test_so_does_one_whose_task_was_sent_by_hand(ports: Ports) -> None:
    ports.book.store_invoice("1001", b"%PDF by hand")

    assert ports.book.begin(an_order("1001"), "task-1", "one") == Begun("pending", 1)
    assert await ports.intake.invoice("1001") is None
