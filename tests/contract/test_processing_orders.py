"""`OrderBook.begin` and `settle`: the one way out of `pending`, and what comes of it."""

import pytest

from shop.domain.errors import OrderConflict, UnknownOrder
from shop.domain.notification import NotificationStatus
from shop.domain.order import Begun, Order, OrderStatus, Reason, Settlement
from tests.builders import an_order, follow_ups
from tests.contract.backends import OVERDUE_AFTER_MS, Backend, Ports


def settle(ports: Ports, order: Order, suffix: str = "") -> Settlement:
    return ports.book.settle(order.id, order.item, follow_ups(order, suffix=suffix))


class TestBegin:
    async def test_each_delivery_counts_once(self, ports: Ports) -> None:
        order = an_order()
        await ports.intake.place(order, "task-1")

        for delivery_id, attempts in [("one", 1), ("one", 1), ("two", 2), ("two", 2), ("three", 3)]:
            assert ports.book.begin(order, "task-1", delivery_id) == Begun("pending", attempts)

        record = ports.book.find(order.id)
        assert record is not None
        assert record.attempts == 3

    def test_a_leased_order_is_left_alone_for_as_long(self, ports: Ports, backend: Backend) -> None:
        def lost() -> int:
            return len(ports.book.claim_lost("any", queue_is_idle=True, limit=9).records)

        ports.book.begin(an_order(), "task-1", "one", lease_s=20.0)

        backend.pass_time(20_000)
        assert lost() == 0
        backend.pass_time(OVERDUE_AFTER_MS)
        assert lost() == 1

    def test_an_order_that_was_never_placed_is_recorded(
        self, ports: Ports, backend: Backend
    ) -> None:
        before_ms = backend.now_ms()

        assert ports.book.begin(an_order(), "task-by-hand", "one") == Begun("pending", 1)

        record = ports.book.find("1001")
        assert record is not None
        assert (record.item, record.qty, record.task_id) == ("SKU-1", 2, "task-by-hand")
        assert before_ms <= record.placed_at_ms <= backend.now_ms()
        assert backend.open_orders() == {"1001"}

    async def test_an_order_sent_by_hand_under_a_taken_id_is_a_conflict(self, ports: Ports) -> None:
        await ports.intake.place(an_order(), "task-1")
        before = ports.book.find("1001")

        with pytest.raises(OrderConflict):
            ports.book.begin(an_order(qty=3), "task-by-hand", "one")

        assert ports.book.find("1001") == before

    async def test_an_order_placed_again_after_it_was_sent_by_hand_is_the_same(
        self, ports: Ports
    ) -> None:
        ports.book.begin(an_order(), "task-by-hand", "one")

        assert (await ports.intake.place(an_order(), "task-2")).task_id == "task-by-hand"

    def test_a_settled_order_is_begun_no_more(self, ports: Ports, backend: Backend) -> None:
        order = an_order()
        ports.book.begin(order, "task-1", "one")
        settle(ports, order)

        assert ports.book.begin(order, "task-1", "two") == Begun("failed", 1)
        assert backend.open_orders() == set()


class TestEnoughStock:
    @pytest.fixture
    def order(self, ports: Ports, backend: Backend) -> Order:
        order = an_order(qty=3)
        backend.set_by_hand("stock", order.item, "7")
        backend.set_by_hand("price", order.item, "1990")
        ports.book.begin(order, "task-1", "one")
        return order

    def test_the_order_is_processed_and_the_stock_falls(
        self, ports: Ports, backend: Backend, order: Order
    ) -> None:
        before_ms = backend.now_ms()

        settlement = settle(ports, order)

        assert before_ms <= settlement.at_ms <= backend.now_ms()
        assert settlement == Settlement(
            status=OrderStatus.PROCESSED,
            reason=None,
            at_ms=settlement.at_ms,
            processed_at_ms=settlement.at_ms,
            unit_price_minor=1990,
            invoice_task_id="invoice-of-1001",
            notification_task_id="notice-of-1001",
        )
        assert backend.stock_text(order.item) == "4"
        record = ports.book.find(order.id)
        assert record is not None
        assert (record.status, record.processed_at_ms) == ("processed", settlement.at_ms)
        assert (record.unit_price_minor, record.invoice_task_id) == (1990, "invoice-of-1001")
        assert record.reason is None
        assert backend.open_orders() == {order.id}

    def test_settled_again_it_says_the_same_and_the_stock_stays(
        self, ports: Ports, backend: Backend, order: Order
    ) -> None:
        first = settle(ports, order)
        backend.set_by_hand("price", order.item, "2990")

        again = settle(ports, order, suffix="-drawn-later")

        assert again.at_ms >= first.at_ms
        assert again == Settlement(
            **{name: getattr(first, name) for name in first.__slots__ if name != "at_ms"},
            at_ms=again.at_ms,
        )
        assert backend.stock_text(order.item) == "4"
        assert backend.open_notifications() == {"notice-of-1001"}

    def test_the_notification_is_recorded_and_owed(
        self, ports: Ports, backend: Backend, order: Order
    ) -> None:
        settle(ports, order)

        notice = ports.notifications.find("notice-of-1001")
        assert notice is not None
        assert notice.email == order.email
        assert notice.message == follow_ups(order).notices.processed
        assert notice.status is NotificationStatus.PENDING
        assert backend.open_notifications() == {"notice-of-1001"}

    def test_a_follow_up_is_reported_until_it_is_done(self, ports: Ports, order: Order) -> None:
        settle(ports, order)

        ports.notifications.delivered("notice-of-1001")
        settlement = settle(ports, order)
        assert settlement.invoice_task_id == "invoice-of-1001"
        assert settlement.notification_task_id is None

        ports.book.store_invoice(order.id, b"%PDF")
        settlement = settle(ports, order)
        assert settlement.status is OrderStatus.PROCESSED
        assert settlement.invoice_task_id is None

    def test_a_notification_that_was_given_up_is_owed_no_more(
        self, ports: Ports, order: Order
    ) -> None:
        settle(ports, order)
        ports.notifications.bury("notice-of-1001", "no such mailbox")

        assert settle(ports, order).notification_task_id is None

    def test_the_last_piece_can_be_sold(self, ports: Ports, backend: Backend, order: Order) -> None:
        backend.set_by_hand("stock", order.item, "3")

        assert settle(ports, order).status is OrderStatus.PROCESSED
        assert backend.stock_text(order.item) == "0"

    def test_without_notifications_none_is_recorded(
        self, ports: Ports, backend: Backend, order: Order
    ) -> None:
        settlement = ports.book.settle(order.id, order.item, follow_ups(order, notify=False))

        assert settlement.notification_task_id is None
        assert backend.open_notifications() == set()

    @pytest.mark.parametrize("price", ["19.90", "free", "-5", "", "010", "9" * 20, None])
    def test_a_price_that_is_none_counts_as_no_price(
        self, ports: Ports, backend: Backend, order: Order, price: str | None
    ) -> None:
        backend.set_by_hand("price", order.item, price)

        settlement = settle(ports, order)

        assert (settlement.status, settlement.unit_price_minor) == (OrderStatus.PROCESSED, None)
        assert settlement.invoice_task_id == "invoice-of-1001"
        record = ports.book.find(order.id)
        assert record is not None
        assert record.unit_price_minor is None


class TestNotEnoughStock:
    @pytest.mark.parametrize("stock", ["2", "0", "-1"])
    def test_the_order_fails_and_what_is_left_stays(
        self, ports: Ports, backend: Backend, stock: str
    ) -> None:
        order = an_order(qty=3)
        backend.set_by_hand("stock", order.item, stock)
        ports.book.begin(order, "task-1", "one")

        settlement = settle(ports, order)

        assert (settlement.status, settlement.reason) == (OrderStatus.FAILED, Reason.OUT_OF_STOCK)
        assert settlement.processed_at_ms == settlement.at_ms
        assert settlement.invoice_task_id is None
        assert settlement.notification_task_id == "notice-of-1001"
        assert backend.stock_text(order.item) == stock
        assert backend.open_orders() == set()
        notice = ports.notifications.find("notice-of-1001")
        assert notice is not None
        assert notice.message == follow_ups(order).notices.out_of_stock

    def test_later_stock_does_not_undo_it(self, ports: Ports, backend: Backend) -> None:
        order = an_order(qty=3)
        backend.set_by_hand("stock", order.item, "2")
        ports.book.begin(order, "task-1", "one")
        first = settle(ports, order)
        backend.set_by_hand("stock", order.item, "100")

        again = settle(ports, order)

        assert (again.status, again.reason) == (first.status, first.reason)
        assert again.processed_at_ms == first.processed_at_ms
        assert backend.stock_text(order.item) == "100"

    def test_an_item_without_stock_is_unknown(self, ports: Ports, backend: Backend) -> None:
        order = an_order()
        ports.book.begin(order, "task-1", "one")

        settlement = settle(ports, order)

        assert (settlement.status, settlement.reason) == (OrderStatus.FAILED, Reason.UNKNOWN_ITEM)
        assert backend.stock_text(order.item) is None
        record = ports.book.find(order.id)
        assert record is not None
        assert record.reason == Reason.UNKNOWN_ITEM
        notice = ports.notifications.find("notice-of-1001")
        assert notice is not None
        assert notice.message == follow_ups(order).notices.unknown_item

    @pytest.mark.parametrize("stock", ["many", "7.5", "1e3", "0x10", " 7", "007", "9" * 20, None])
    def test_stock_that_is_no_number_is_none_and_is_left_alone(
        self, ports: Ports, backend: Backend, stock: str | None
    ) -> None:
        order = an_order()
        backend.set_by_hand("stock", order.item, stock)
        ports.book.begin(order, "task-1", "one")

        assert settle(ports, order).reason == Reason.UNKNOWN_ITEM
        if stock is not None:
            assert backend.stock_text(order.item) == stock


def test_an_order_whose_record_is_gone_cannot_be_settled(ports: Ports, backend: Backend) -> None:
    backend.set_by_hand("stock", "SKU-1", "7")

    with pytest.raises(UnknownOrder):
        settle(ports, an_order())

    assert backend.stock_text("SKU-1") == "7"
    assert ports.notifications.find("notice-of-1001") is None
