"""`WorkloadGauge`: how much work the store knows of."""

import pytest

from shop.domain.errors import StoreUnavailable
from shop.domain.order import Reason
from shop.domain.work import Workload
from tests.builders import a_notification, an_order, follow_ups
from tests.contract.backends import Backend, Ports


async def test_an_empty_shop_has_none(ports: Ports) -> None:
    assert await ports.workload.read() == Workload(0, 0, 0)


async def test_work_is_counted_until_nothing_is_owed(ports: Ports, backend: Backend) -> None:
    backend.set_by_hand("stock", "SKU-1", "10")
    for number in range(3):
        await ports.intake.place(an_order(f"o-{number}"), f"task-{number}")
    await ports.notification_intake.place(a_notification(), "note")
    assert await ports.workload.read() == Workload(
        open_orders=3, open_notifications=1, dead_orders=0
    )

    order = an_order("o-0")
    ports.book.settle(order.id, order.item, follow_ups(order))
    # Its invoice is owed, and its customer is to be told.
    assert await ports.workload.read() == Workload(3, 2, 0)

    ports.book.store_invoice(order.id, b"%PDF")
    ports.notifications.delivered("note")
    ports.book.bury("o-1", Reason.ATTEMPTS_EXHAUSTED)
    assert await ports.workload.read() == Workload(1, 1, 1)


async def test_a_store_that_is_away_says_so(backend: Backend) -> None:
    with pytest.raises(StoreUnavailable):
        await backend.unplugged().workload.read()
