"""What a fault is given to break, what it left in the history, and what the shop made of it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Self

import httpx

from testing.history import Phase, read_history
from testing.waiting import wait_for
from tests.integration.customer import Customer, Goods

TOOK_HOLD = [Phase.INJECTED, Phase.CONFIRMED, Phase.HEALED]


class Flood:
    """Orders, one after the other, from entering it to its `end`.

    A number of orders would do for workers of one speed alone: faster ones have done them all
    before a fault has had its first look at what they have in hand.
    """

    def __init__(self, customer: Customer, goods: Goods) -> None:
        self._customer = customer
        self._goods = goods
        self._over = Event()
        self._pool = ThreadPoolExecutor(max_workers=1)

    def __enter__(self) -> Self:
        self._placing = self._pool.submit(self._place)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        self._pool.shutdown()

    def end(self) -> list[str]:
        """The ids of all orders. Raises what one of them was not accepted for."""
        self._over.set()
        return self._placing.result()

    def _place(self) -> list[str]:
        order_ids = []
        while not self._over.is_set():
            order_ids.append(self._customer.place(self._goods.sku))
        return order_ids


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
