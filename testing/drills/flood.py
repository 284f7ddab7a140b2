"""More work than the workers can do, for as long as it is entered, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event, Thread
from types import TracebackType
from typing import Any, Protocol, Self

import httpx
from redis import Redis
from redis.exceptions import RedisError

from shop.adapters.redis import keys
from shop.domain.notification import NotificationStatus
from shop.domain.order import OrderStatus
from testing.drills.shoppers import ANSWER_WITHIN_S, ITEM, PLENTY, notification, order
from testing.final_state import FinalState, read_final_state
from testing.stack import BROKER_DB, STORE_DB
from testing.waiting import wait_for

#: Messages that wait at least, while the flood lasts, for the default and the priority worker.
BACKLOG = {"default": 300, "priority": 20}
#: Delivering takes as long as a slow network does: many notifications are in flight.
SLOW_MAIL = {"NOTIFICATION_DELAY_MS": "800"}
RISES_WITHIN_S = 90.0
#: Some thousands of orders at 15 to 30 a second, on two cores that others use too.
DRAINS_WITHIN_S = 300.0
ORDERING_THREADS = 4
LOOK_AGAIN_AFTER_S = 0.05


class Shop(Protocol):
    """A `Stack`, or whatever else runs that can be ordered from and looked into."""

    @property
    def base_url(self) -> str: ...

    def redis(self, db: int = STORE_DB, *, decode_responses: bool = True) -> Redis: ...

    def describe(self) -> str: ...


@dataclass(slots=True)
class Accepted:
    """What a customer was promised."""

    orders: list[str] = field(default_factory=list)
    #: Ids of their tasks.
    notifications: list[str] = field(default_factory=list)


class Flood:
    """A context manager: threads order and notify, up to the backlog and no further."""

    def __init__(self, shop: Shop, accepted: Accepted, *, prefix: str) -> None:
        """`accepted` is added to; `prefix` begins the ids of the orders."""
        self._shop = shop
        self._accepted = accepted
        self._prefix = prefix
        self._broker = shop.redis(BROKER_DB)
        self._enough = Event()
        self._http = httpx.Client(base_url=shop.base_url, timeout=ANSWER_WITHIN_S, trust_env=False)
        self._threads = [
            *(Thread(target=self._order, args=(number,)) for number in range(ORDERING_THREADS)),
            Thread(target=self._notify),
        ]

    def __enter__(self) -> Self:
        fill_stock(self._shop)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()
        self._http.close()

    def wait_until_high(self) -> None:
        """Until every queue has its backlog and the workers have something in hand."""

        def is_high() -> bool:
            return not any(self._lacks(queue) for queue in BACKLOG) and in_hand(self._broker) > 2

        wait_for("the flood", is_high, within_s=RISES_WITHIN_S, explain=self._shop.describe)

    def _lacks(self, queue: str) -> bool:
        waiting: Any = self._broker.llen(queue)
        return int(waiting) < BACKLOG[queue]

    def _order(self, thread: int) -> None:
        number = 0
        while self._next("default"):
            number += 1
            order_id = f"{self._prefix}-{thread}-{number}"
            if self._post("/order", order(order_id)) is not None:
                self._accepted.orders.append(order_id)

    def _notify(self) -> None:
        number = 0
        while self._next("priority"):
            number += 1
            message = f"{self._prefix} {number}"
            if task_id := self._post("/test_notification", notification(message)):
                self._accepted.notifications.append(task_id)

    def _next(self, queue: str) -> bool:
        """Wait for room in the queue; False when it is enough."""
        while not self._enough.is_set():
            try:
                # A little more than has to be there when a worker is stopped.
                if int(self._broker.llen(queue)) < 1.2 * BACKLOG[queue]:
                    return True
            except RedisError:
                pass
            self._enough.wait(LOOK_AGAIN_AFTER_S)
        return False

    def _post(self, path: str, content: Mapping[str, Any]) -> str | None:
        """The task's id if it was accepted; what became of it is unknown otherwise."""
        try:
            answer = self._http.post(path, json=content)
        except httpx.TransportError:
            self._enough.wait(LOOK_AGAIN_AFTER_S)
            return None
        task_id: str | None = answer.json()["task_id"] if answer.is_success else None
        return task_id


def fill_stock(shop: Shop) -> None:
    """Leave a stock alone that has been sold from."""
    shop.redis().setnx(keys.stock(ITEM), PLENTY)


def in_hand(broker: Redis) -> int:
    """Messages that a worker has taken and not acknowledged."""
    count: Any = broker.hlen("unacked")
    return int(count)


def wait_until_done(shop: Shop) -> FinalState:
    """Until nothing is owed; the state then. Raises `TimedOut`."""
    store = shop.redis()

    def done() -> bool:
        return not any(store.zcard(key) for key in (keys.ORDERS_OPEN, keys.NOTIFICATIONS_OPEN))

    wait_for("all work is done", done, within_s=DRAINS_WITHIN_S, explain=shop.describe)
    return read_final_state(shop.redis(decode_responses=False), {ITEM: PLENTY})


def wrongly_done(accepted: Accepted, final: FinalState) -> list[str]:
    """One line for each promise that was not kept, and for each unit that was sold too often.

    Every order is for one unit, so the stock tells how often orders were processed in all; an
    order whose answer was lost may be done or not.
    """
    wrong = [
        f"order {order_id} was accepted and is not done"
        for order_id in accepted.orders
        if order_id not in final.orders
        or final.orders[order_id].status != OrderStatus.PROCESSED
        or order_id not in final.invoices
    ]
    wrong += [
        f"notification {task_id} was accepted and is not delivered"
        for task_id in accepted.notifications
        if task_id not in final.notifications
        or final.notifications[task_id].status != NotificationStatus.DELIVERED
    ]
    processed = sum(found.status == OrderStatus.PROCESSED for found in final.orders.values())
    left = final.stock.get(ITEM)
    sold = None if left is None else final.initial_stock[ITEM] - left
    if sold is None:
        wrong.append("the stock is no number")
    elif sold != processed:
        wrong += [f"{sold} units were sold for {processed} orders"] * abs(sold - processed)
    return wrong
