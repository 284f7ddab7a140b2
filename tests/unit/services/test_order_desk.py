"""Placing an order: recorded first, then published, and once."""

import pytest

from shop.domain.errors import BacklogFull, OrderConflict, StoreUnavailable
from shop.domain.order import OrderStatus
from shop.domain.work import Job, TaskName
from shop.services.ordering import OrderDesk
from testing.fakes import FakeAsyncPublisher, FakeOrderIntake, FakePublisher, FakeStore
from tests.builders import ANN, an_order


@pytest.fixture
def desk(store: FakeStore, publisher: FakePublisher) -> OrderDesk:
    return OrderDesk(FakeOrderIntake(store, backlog_limit=2), FakeAsyncPublisher(publisher))


async def test_a_placed_order_is_published_with_the_stores_time(
    desk: OrderDesk, store: FakeStore, publisher: FakePublisher
) -> None:
    placement = await desk.place(an_order(qty=3))

    assert placement.created
    assert placement.status is OrderStatus.PENDING
    assert publisher.jobs == [
        Job(
            TaskName.PROCESS_ORDER,
            ("1001", "SKU-1", 3, ANN),
            placement.task_id,
            store.clock.now_ms,
        )
    ]
    record = await desk.find("1001")
    assert record is not None
    assert record.task_id == placement.task_id


async def test_every_order_has_a_task_id_of_its_own(desk: OrderDesk) -> None:
    first, second = await desk.place(an_order("1")), await desk.place(an_order("2"))

    assert first.task_id != second.task_id


async def test_the_same_order_again_is_not_published_again(
    desk: OrderDesk, publisher: FakePublisher
) -> None:
    first = await desk.place(an_order())

    again = await desk.place(an_order())

    assert (again.task_id, again.created) == (first.task_id, False)
    assert len(publisher.jobs) == 1


async def test_an_order_stands_though_its_publication_failed(
    desk: OrderDesk, store: FakeStore, publisher: FakePublisher
) -> None:
    publisher.failing = True

    placement = await desk.place(an_order())

    assert placement.created
    assert set(store.orders_open) == {"1001"}


async def test_a_conflict_is_neither_recorded_nor_published(
    desk: OrderDesk, store: FakeStore, publisher: FakePublisher
) -> None:
    await desk.place(an_order())

    with pytest.raises(OrderConflict):
        await desk.place(an_order(qty=9))

    assert store.orders["1001"].qty == 2
    assert len(publisher.jobs) == 1


async def test_beyond_the_limit_nothing_is_published(
    desk: OrderDesk, publisher: FakePublisher
) -> None:
    await desk.place(an_order("1"))
    await desk.place(an_order("2"))

    with pytest.raises(BacklogFull):
        await desk.place(an_order("3"))

    assert len(publisher.jobs) == 2
    assert await desk.find("3") is None


async def test_without_the_store_nothing_is_published(
    desk: OrderDesk, store: FakeStore, publisher: FakePublisher
) -> None:
    store.available = False

    with pytest.raises(StoreUnavailable):
        await desk.place(an_order())

    assert publisher.jobs == []


async def test_an_invoice_is_shown_once_it_is_there(desk: OrderDesk, store: FakeStore) -> None:
    assert await desk.invoice("1001") is None

    store.invoices["1001"] = b"%PDF"

    assert await desk.invoice("1001") == b"%PDF"
