"""`OrderBook.begin_invoice` and `store_invoice`: one for each processed order, kept as it is."""

import pytest

from shop.domain.errors import OrderNotProcessed
from shop.domain.order import Begun, Order, OrderStatus, Reason
from shop.domain.work import TaskName
from tests.builders import an_order, follow_ups
from tests.contract.backends import OVERDUE_AFTER_MS, Backend, Ports

#: Every byte there is, so that no layer can take it for text.
PDF = b"%PDF-1.7\n" + bytes(range(256)) + b"\x00\xff\xfe"


@pytest.fixture
def order(ports: Ports, backend: Backend) -> Order:
    """A processed one."""
    order = an_order()
    backend.set_by_hand("stock", order.item, "10")
    ports.book.begin(order, "task-1", "one")
    ports.book.settle(order.id, order.item, follow_ups(order))
    return order


async def test_the_invoice_is_kept_byte_for_byte(
    ports: Ports, backend: Backend, order: Order
) -> None:
    assert ports.book.store_invoice(order.id, PDF) is True

    assert await ports.intake.invoice(order.id) == PDF
    record = await ports.intake.find(order.id)
    assert record is not None
    assert record.has_invoice
    assert record.owed is None
    assert backend.open_orders() == set()


async def test_the_first_invoice_stands(ports: Ports, order: Order) -> None:
    ports.book.store_invoice(order.id, PDF)

    assert ports.book.store_invoice(order.id, b"%PDF another") is False

    assert await ports.intake.invoice(order.id) == PDF


def test_until_then_it_is_owed(ports: Ports, backend: Backend, order: Order) -> None:
    record = ports.book.find(order.id)
    assert record is not None
    assert record.owed is TaskName.GENERATE_INVOICE
    assert backend.open_orders() == {order.id}


def test_each_delivery_counts_once(ports: Ports, order: Order) -> None:
    for delivery_id, attempts in [("one", 1), ("one", 1), ("two", 2)]:
        begun = ports.book.begin_invoice(order.id, "invoice-task", delivery_id)
        assert begun == Begun(OrderStatus.PROCESSED, attempts)


def test_one_that_is_there_is_not_begun_again(ports: Ports, order: Order) -> None:
    ports.book.begin_invoice(order.id, "invoice-task", "one")
    ports.book.store_invoice(order.id, PDF)

    assert ports.book.begin_invoice(order.id, "invoice-task", "two") == Begun("invoiced", 0)


async def test_one_that_was_made_by_hand_before_its_order_is_not_its_own(
    ports: Ports, backend: Backend
) -> None:
    ports.book.store_invoice("1001", PDF)
    order = an_order()
    backend.set_by_hand("stock", order.item, "10")
    ports.book.begin(order, "task-1", "one")
    ports.book.settle(order.id, order.item, follow_ups(order))

    assert await ports.intake.invoice(order.id) is None
    assert ports.book.begin_invoice(order.id, "invoice-task", "one") == Begun("processed", 1)
    assert backend.open_orders() == {order.id}


def test_a_delivery_that_begins_pushes_the_due_time_back(
    ports: Ports, backend: Backend, order: Order
) -> None:
    backend.pass_time(OVERDUE_AFTER_MS)
    ports.book.begin_invoice(order.id, "invoice-task", "one")

    assert ports.book.claim_lost("default", queue_is_idle=True, limit=10).records == ()
    backend.pass_time(OVERDUE_AFTER_MS)
    assert len(ports.book.claim_lost("default", queue_is_idle=True, limit=10).records) == 1


def test_a_pending_order_gets_none(ports: Ports, backend: Backend) -> None:
    ports.book.begin(an_order("1002"), "task-2", "one")

    assert ports.book.begin_invoice("1002", "invoice-task", "one") == Begun(OrderStatus.PENDING, 0)
    with pytest.raises(OrderNotProcessed) as refused:
        ports.book.store_invoice("1002", PDF)

    assert refused.value.status == OrderStatus.PENDING
    assert backend.open_orders() == {"1002"}


async def test_a_failed_order_gets_none(ports: Ports) -> None:
    order = an_order("1002", item="NO-SUCH-ITEM")
    ports.book.begin(order, "task-2", "one")
    ports.book.settle(order.id, order.item, follow_ups(order))

    assert ports.book.begin_invoice(order.id, "invoice-task", "one").status == OrderStatus.FAILED
    with pytest.raises(OrderNotProcessed):
        ports.book.store_invoice(order.id, PDF)

    assert await ports.intake.invoice(order.id) is None


async def test_without_any_order_it_is_kept_all_the_same(ports: Ports, backend: Backend) -> None:
    for _ in range(2):
        assert ports.book.begin_invoice("by-hand", "invoice-task", "one") == Begun("unknown", 1)
    # Each task has attempts of its own.
    assert ports.book.begin_invoice("by-hand", "another-task", "one") == Begun("unknown", 1)
    assert ports.book.begin_invoice("by-hand", "invoice-task", "another") == Begun("unknown", 2)
    assert ports.book.store_invoice("by-hand", PDF) is True
    assert ports.book.begin_invoice("by-hand", "invoice-task", "two").status == "invoiced"

    assert await ports.intake.invoice("by-hand") == PDF
    assert await ports.intake.find("by-hand") is None
    assert backend.open_orders() == set()


def test_one_that_comes_after_the_order_was_given_up_mends_it(
    ports: Ports, backend: Backend, order: Order
) -> None:
    ports.book.bury(order.id, Reason.INVOICE_ATTEMPTS_EXHAUSTED)

    ports.book.store_invoice(order.id, PDF)

    record = ports.book.find(order.id)
    assert record is not None
    assert record.reason is None
    assert backend.dead_orders() == set()
