"""Processing an order, however often its message comes."""

import pytest

from shop.domain.errors import OrderConflict, OrderNotRetriable, StoreUnavailable, UnknownOrder
from shop.domain.order import Order, OrderStatus, Reason, order_notices
from shop.domain.work import Job, TaskName
from shop.services.ordering import OrderProcessor, Processed
from testing.fakes import (
    FakeNotificationBook,
    FakeOrderBook,
    FakePublisher,
    FakeStore,
    FakeWarehouse,
)
from tests.builders import ANN, an_order, follow_ups

MAX_ATTEMPTS = 3
PROCESSED = Processed(OrderStatus.PROCESSED)


@pytest.fixture
def book(store: FakeStore) -> FakeOrderBook:
    return FakeOrderBook(store)


@pytest.fixture(params=[0.0, 0.1], ids=["at once", "after preparation"])
def warehouse(request: pytest.FixtureRequest) -> FakeWarehouse:
    return FakeWarehouse(max_preparation_s=request.param)


@pytest.fixture
def processor(
    book: FakeOrderBook, warehouse: FakeWarehouse, publisher: FakePublisher
) -> OrderProcessor:
    return OrderProcessor(book, warehouse, publisher, max_attempts=MAX_ATTEMPTS, notify=True)


@pytest.fixture(autouse=True)
def _stocked(store: FakeStore) -> None:
    store.stock["SKU-1"] = "10"
    store.prices["SKU-1"] = "1990"


def test_a_processed_order_gives_rise_to_an_invoice_and_a_notification(
    processor: OrderProcessor, store: FakeStore, publisher: FakePublisher
) -> None:
    order = an_order(qty=3)

    assert processor.process(order, "task-1", "one") == PROCESSED

    row = store.orders["1001"]
    assert (row.status, store.stock["SKU-1"]) == ("processed", "7")
    assert row.invoice_task_id is not None
    assert row.notification_task_id is not None
    data = {"item": "SKU-1", "qty": 3, "email": ANN}
    now_ms = store.clock.now_ms
    assert publisher.jobs == [
        Job(TaskName.GENERATE_INVOICE, ("1001", data), row.invoice_task_id, now_ms),
        Job(
            TaskName.SEND_NOTIFICATION,
            (ANN, order_notices(order).processed),
            row.notification_task_id,
            now_ms,
        ),
    ]
    assert store.notifications[row.notification_task_id].message == order_notices(order).processed


@pytest.mark.parametrize(
    ("item", "qty", "reason"),
    [("SKU-1", 11, Reason.OUT_OF_STOCK), ("SKU-404", 1, Reason.UNKNOWN_ITEM)],
)
def test_a_failed_order_gives_rise_to_a_notification_only(
    processor: OrderProcessor,
    store: FakeStore,
    publisher: FakePublisher,
    item: str,
    qty: int,
    reason: Reason,
) -> None:
    order = an_order(item=item, qty=qty)

    assert processor.process(order, "task-1", "one") == Processed(OrderStatus.FAILED, reason)

    (job,) = publisher.jobs
    assert job.task is TaskName.SEND_NOTIFICATION
    assert job.args == (ANN, order_notices(order).for_outcome(OrderStatus.FAILED, reason))
    assert store.stock["SKU-1"] == "10"


def test_an_item_without_a_price_is_named_once(
    processor: OrderProcessor, store: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    del store.prices["SKU-1"]

    for order_id in ("1", "2"):
        processor.process(an_order(order_id), "task-1", "one")
    store.prices["SKU-1"] = "1990"
    processor.process(an_order("3"), "task-1", "one")

    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["item SKU-1 has no price: order 1"]


def test_customers_are_not_notified_when_that_is_off(
    book: FakeOrderBook, warehouse: FakeWarehouse, store: FakeStore, publisher: FakePublisher
) -> None:
    silent = OrderProcessor(book, warehouse, publisher, max_attempts=MAX_ATTEMPTS, notify=False)

    silent.process(an_order(), "task-1", "one")

    assert [job.task for job in publisher.jobs] == [TaskName.GENERATE_INVOICE]
    assert store.notifications == {}


def test_a_second_delivery_sends_the_same_tasks_again_while_they_are_owed(
    processor: OrderProcessor, store: FakeStore, publisher: FakePublisher
) -> None:
    processor.process(an_order(), "task-1", "one")
    first = list(publisher.jobs)
    publisher.jobs.clear()

    assert processor.process(an_order(), "task-1", "two") == PROCESSED

    assert publisher.jobs == first
    assert store.stock["SKU-1"] == "8"


def test_a_second_delivery_sends_nothing_that_is_done(
    processor: OrderProcessor, book: FakeOrderBook, store: FakeStore, publisher: FakePublisher
) -> None:
    processor.process(an_order(), "task-1", "one")
    book.store_invoice("1001", b"%PDF")
    FakeNotificationBook(store).delivered(publisher.jobs[1].task_id)
    publisher.jobs.clear()

    assert processor.process(an_order(), "task-1", "two") == PROCESSED

    assert publisher.jobs == []


def test_a_failed_publication_is_left_to_the_sweep(
    processor: OrderProcessor, store: FakeStore, publisher: FakePublisher
) -> None:
    publisher.failing = True

    assert processor.process(an_order(), "task-1", "one") == PROCESSED

    assert set(store.orders_open) == {"1001"}
    assert set(store.notifications_open) == {store.orders["1001"].notification_task_id}


def test_after_the_last_attempt_the_order_is_given_up(
    processor: OrderProcessor, book: FakeOrderBook, store: FakeStore, publisher: FakePublisher
) -> None:
    for number in range(MAX_ATTEMPTS):
        # Begun, and killed before it was settled.
        book.begin(an_order(), "task-1", f"killed-{number}")

    outcome = processor.process(an_order(), "task-1", "one-too-many")

    assert outcome == Processed(OrderStatus.FAILED, Reason.ATTEMPTS_EXHAUSTED)
    assert set(store.orders_dead) == {"1001"}
    assert store.stock["SKU-1"] == "10"
    assert publisher.jobs == []


def test_the_last_attempt_counts(processor: OrderProcessor, book: FakeOrderBook) -> None:
    for number in range(MAX_ATTEMPTS - 1):
        book.begin(an_order(), "task-1", f"killed-{number}")

    assert processor.process(an_order(), "task-1", "the-last") == PROCESSED


def test_a_given_up_order_stays_so_however_often_it_is_delivered(
    processor: OrderProcessor, book: FakeOrderBook, publisher: FakePublisher
) -> None:
    for number in range(MAX_ATTEMPTS + 1):
        book.begin(an_order(), "task-1", f"killed-{number}")
    given_up = processor.process(an_order(), "task-1", "one-too-many")

    assert processor.process(an_order(), "task-1", "and-another") == given_up
    assert publisher.jobs == []


def test_a_late_delivery_does_not_give_up_what_another_processed_meanwhile(
    store: FakeStore, warehouse: FakeWarehouse, publisher: FakePublisher
) -> None:
    class Overtaken(FakeOrderBook):
        """The last attempt was slow, not dead: it settles when the next one gives up."""

        def bury(self, order_id: str, reason: str) -> None:
            self.settle(order_id, "SKU-1", follow_ups(an_order()))
            super().bury(order_id, reason)

    book = Overtaken(store)
    for number in range(MAX_ATTEMPTS):
        book.begin(an_order(), "task-1", f"slow-{number}")

    OrderProcessor(book, warehouse, publisher, max_attempts=MAX_ATTEMPTS, notify=True).process(
        an_order(), "task-1", "one-too-many"
    )

    row = store.orders["1001"]
    assert (row.status, row.reason) == ("processed", None)
    assert set(store.orders_open) == {"1001"}
    assert store.orders_dead == {}


def test_an_order_in_conflict_is_refused(
    processor: OrderProcessor, store: FakeStore, publisher: FakePublisher
) -> None:
    processor.process(an_order(), "task-1", "one")
    publisher.jobs.clear()

    with pytest.raises(OrderConflict):
        processor.process(an_order(qty=9), "task-2", "one")

    assert publisher.jobs == []
    assert store.stock["SKU-1"] == "8"


def test_without_the_store_nothing_is_published(
    processor: OrderProcessor, store: FakeStore, publisher: FakePublisher
) -> None:
    store.available = False

    with pytest.raises(StoreUnavailable):
        processor.process(an_order(), "task-1", "one")

    assert publisher.jobs == []


def test_nothing_is_prepared_where_there_is_nothing_to_prepare(
    processor: OrderProcessor, warehouse: FakeWarehouse
) -> None:
    processor.process(an_order(), "task-1", "one")

    assert bool(warehouse.prepared) is bool(warehouse.max_preparation_s)


class TestPreparation:
    @pytest.fixture
    def warehouse(self) -> FakeWarehouse:
        return FakeWarehouse(max_preparation_s=0.1)

    def test_an_order_is_prepared_before_its_stock_is_taken(
        self, book: FakeOrderBook, publisher: FakePublisher, store: FakeStore
    ) -> None:
        seen: list[tuple[str, str | None]] = []

        class Watched(FakeWarehouse):
            def prepare(self, order: Order) -> None:
                seen.append((store.orders[order.id].status, store.stock["SKU-1"]))

        OrderProcessor(
            book, Watched(max_preparation_s=0.1), publisher, max_attempts=1, notify=True
        ).process(an_order(), "task-1", "one")

        assert seen == [("pending", "10")]

    def test_what_is_done_is_not_prepared_again(
        self, processor: OrderProcessor, warehouse: FakeWarehouse
    ) -> None:
        processor.process(an_order(), "task-1", "one")
        processor.process(an_order(), "task-1", "two")

        assert warehouse.prepared == [an_order()]

    def test_what_is_given_up_is_not_prepared_once_more(
        self, processor: OrderProcessor, warehouse: FakeWarehouse, book: FakeOrderBook
    ) -> None:
        for number in range(MAX_ATTEMPTS):
            book.begin(an_order(), "task-1", f"killed-{number}")

        processor.process(an_order(), "task-1", "one-too-many")

        assert warehouse.prepared == []

    def test_the_sweep_leaves_it_alone_meanwhile(
        self, book: FakeOrderBook, publisher: FakePublisher, store: FakeStore
    ) -> None:
        claimed: list[int] = []

        class Slow(FakeWarehouse):
            def prepare(self, order: Order) -> None:
                store.clock.advance(1_000 * self.max_preparation_s)
                claim = book.claim_lost("default", queue_is_idle=True, limit=9)
                claimed.append(len(claim.records))

        slow = Slow(max_preparation_s=60.0)
        OrderProcessor(book, slow, publisher, max_attempts=1, notify=True).process(
            an_order(), "task-1", "one"
        )

        assert claimed == [0]


class TestRetry:
    def test_a_failed_order_is_sent_again_under_its_old_task(
        self, processor: OrderProcessor, store: FakeStore, publisher: FakePublisher
    ) -> None:
        processor.process(an_order(qty=11), "task-1", "one")
        publisher.jobs.clear()
        store.clock.advance(5_000)

        record = processor.retry("1001")

        assert record.status is OrderStatus.PENDING
        assert publisher.jobs == [
            Job(
                TaskName.PROCESS_ORDER,
                ("1001", "SKU-1", 11, ANN),
                "task-1",
                store.clock.now_ms,
            )
        ]
        store.stock["SKU-1"] = "11"
        assert processor.process(an_order(qty=11), "task-1", "two") == PROCESSED

    def test_a_missing_invoice_is_sent_again_under_its_old_task(
        self,
        processor: OrderProcessor,
        book: FakeOrderBook,
        store: FakeStore,
        publisher: FakePublisher,
    ) -> None:
        processor.process(an_order(), "task-1", "one")
        (invoice,) = publisher.sent(TaskName.GENERATE_INVOICE)
        book.bury("1001", Reason.INVOICE_ATTEMPTS_EXHAUSTED)
        publisher.jobs.clear()

        processor.retry("1001")

        assert publisher.jobs == [invoice]

    def test_a_failed_publication_is_left_to_the_sweep(
        self, processor: OrderProcessor, store: FakeStore, publisher: FakePublisher
    ) -> None:
        processor.process(an_order(qty=11), "task-1", "one")
        publisher.failing = True

        assert processor.retry("1001").status is OrderStatus.PENDING
        assert set(store.orders_open) == {"1001"}

    def test_what_cannot_be_retried_is_refused(
        self, processor: OrderProcessor, publisher: FakePublisher
    ) -> None:
        processor.process(an_order(), "task-1", "one")
        publisher.jobs.clear()

        with pytest.raises(OrderNotRetriable):
            processor.retry("1001")
        with pytest.raises(UnknownOrder):
            processor.retry("404")

        assert publisher.jobs == []
