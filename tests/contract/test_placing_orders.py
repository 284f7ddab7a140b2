"""`OrderIntake`: placed, repeated, in conflict, or one too many."""

import asyncio
from typing import Any

import pytest

from shop.domain.errors import BacklogFull, OrderConflict
from shop.domain.order import OrderRecord, OrderStatus, Placement
from tests.builders import an_order, follow_ups
from tests.contract.backends import Backend, Ports


async def test_a_placed_order_is_pending_open_and_issued_by_the_stores_clock(
    backend: Backend, ports: Ports
) -> None:
    order = an_order(email="Ann.Müller@example.com")
    before_ms = backend.now_ms()

    placement = await ports.intake.place(order, "task-1")

    at_ms = placement.enqueued_at_ms
    assert before_ms <= at_ms <= backend.now_ms()
    assert placement == Placement("task-1", True, OrderStatus.PENDING, at_ms)
    record = OrderRecord(
        *("1001", "SKU-1", 2, "Ann.Müller@example.com", "task-1", OrderStatus.PENDING, at_ms),
        currency="EUR",
    )
    assert await ports.intake.find("1001") == record
    assert ports.book.find("1001") == record
    assert backend.open_orders() == {"1001"}
    issued = await ports.lookup.find("task-1")
    assert issued is not None
    assert (issued.task, issued.state) == ("process_order", "PENDING")
    assert issued.timings.enqueued_at_ms == at_ms


async def test_the_same_order_again_is_answered_with_the_first_task(ports: Ports) -> None:
    first = await ports.intake.place(an_order(), "task-1")

    again = await ports.intake.place(an_order(), "task-2")

    assert again == Placement("task-1", False, OrderStatus.PENDING, first.enqueued_at_ms)
    assert await ports.lookup.find("task-2") is None


async def test_a_client_that_lost_the_reply_and_repeats_itself_has_placed_the_order(
    ports: Ports,
) -> None:
    first = await ports.intake.place(an_order(), "task-1")

    assert await ports.intake.place(an_order(), "task-1") == first


async def test_the_same_order_again_tells_where_it_stands(ports: Ports, backend: Backend) -> None:
    order = an_order()
    backend.set_by_hand("stock", order.item, "5")
    await ports.intake.place(order, "task-1")
    ports.book.begin(order, "task-1", "delivery-1")
    ports.book.settle(order.id, order.item, follow_ups(order))

    assert (await ports.intake.place(order, "task-2")).status is OrderStatus.PROCESSED


@pytest.mark.parametrize(
    "changed", [{"item": "SKU-2"}, {"qty": 3}, {"email": "bob@example.com"}], ids=str
)
async def test_the_same_id_with_other_content_is_a_conflict_and_changes_nothing(
    ports: Ports, changed: dict[str, Any]
) -> None:
    await ports.intake.place(an_order(), "task-1")
    before = await ports.intake.find("1001")

    with pytest.raises(OrderConflict):
        await ports.intake.place(an_order(**changed), "task-2")

    assert await ports.intake.find("1001") == before
    assert await ports.lookup.find("task-2") is None


async def test_as_many_orders_are_open_as_the_limit_says(backend: Backend, ports: Ports) -> None:
    intake = backend.with_limit(2)
    for number in (1, 2):
        await intake.place(an_order(f"order-{number}"), f"task-{number}")

    with pytest.raises(BacklogFull) as refused:
        await intake.place(an_order("order-3"), "task-3")

    assert (refused.value.open_orders, refused.value.limit) == (2, 2)
    assert await intake.find("order-3") is None
    assert await ports.lookup.find("task-3") is None
    assert backend.open_orders() == {"order-1", "order-2"}


async def test_a_full_backlog_still_knows_its_own_orders(backend: Backend) -> None:
    intake = backend.with_limit(1)
    first = await intake.place(an_order(), "task-1")

    assert (await intake.place(an_order(), "task-2")).task_id == first.task_id
    with pytest.raises(OrderConflict):
        await intake.place(an_order(qty=9), "task-3")


async def test_a_settled_order_makes_room(backend: Backend, ports: Ports) -> None:
    intake = backend.with_limit(1)
    order = an_order()
    await intake.place(order, "task-1")
    ports.book.settle(order.id, order.item, follow_ups(order))

    assert (await intake.place(an_order("1002"), "task-2")).created


async def test_of_many_who_place_the_same_order_one_has_placed_it(ports: Ports) -> None:
    placements = await asyncio.gather(
        *(ports.intake.place(an_order(), f"task-{number}") for number in range(20))
    )

    assert [placement.created for placement in placements].count(True) == 1
    assert len({placement.task_id for placement in placements}) == 1


async def test_what_was_never_placed_is_not_found(ports: Ports) -> None:
    assert await ports.intake.find("1001") is None
    assert await ports.intake.invoice("1001") is None
    assert ports.book.find("1001") is None
