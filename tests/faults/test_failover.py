"""A failover that keeps every connection, as a switched name or Service does."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from testing.faults import RoutedStack, ServerSwitched
from testing.history import HistoryWriter
from testing.servers import ValkeyProcess, running_valkey
from testing.waiting import wait_for
from tests.faults.aftermath import TOOK_HOLD, all_done, phases
from tests.integration.customer import Customer, Goods, new_id

#: Promised by `docs/guarantees.md`.
AT_WORK_WITHIN_S = 5.0


@pytest.fixture
def replica() -> Iterator[ValkeyProcess]:
    with running_valkey(appendonly=True) as server:
        yield server


def place_soon(customer: Customer, goods: Goods) -> str:
    """An order that is accepted and processed within what is promised."""
    order_id = new_id("order")

    def is_accepted() -> bool:
        try:
            answer = customer.order(goods.sku, order_id)
        except httpx.TransportError:
            return False
        assert answer.status_code in (200, 202, 503), answer.text
        return answer.is_success

    wait_for(f"order {order_id} is accepted", is_accepted, within_s=AT_WORK_WITHIN_S)
    customer.invoiced(order_id)
    return order_id


def test_the_shop_follows_its_server_there_and_back(
    customer: Customer,
    goods: Goods,
    stack: RoutedStack,
    replica: ValkeyProcess,
    history: HistoryWriter,
    history_file: Path,
) -> None:
    order_ids = [customer.place(goods.sku) for _ in range(20)]

    with ServerSwitched(stack, replica, history):
        order_ids += [place_soon(customer, goods) for _ in range(20)]
        with replica.client(2) as store:
            assert store.get(f"order:{order_ids[-1]}:status") == "processed"
    order_ids += [place_soon(customer, goods) for _ in range(20)]

    all_done(customer, goods, order_ids)
    assert phases(history_file) == TOOK_HOLD
