"""What a fault left in the history, and whether the shop did all that it was asked."""

from pathlib import Path

import httpx

from testing.history import Phase, read_history
from testing.waiting import wait_for
from tests.integration.customer import Customer, Goods

TOOK_HOLD = [Phase.INJECTED, Phase.CONFIRMED, Phase.HEALED]


def phases(history_file: Path) -> list[str]:
    return [event.data["phase"] for event in read_history(history_file).events]


def all_done(customer: Customer, goods: Goods, order_ids: list[str]) -> None:
    for order_id in order_ids:
        customer.invoiced(order_id)
    assert goods.left == goods.level - 2 * len(order_ids)


def place_anyway(customer: Customer, goods: Goods, order_id: str) -> None:
    """Send the order until it is accepted, as a customer who does not give up."""

    def accepted() -> bool:
        try:
            return customer.order(goods.sku, order_id).is_success
        except httpx.TransportError:
            return False

    wait_for(f"order {order_id} is accepted", accepted, within_s=30)
