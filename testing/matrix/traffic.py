"""A light stream of customers, who ask again until they are answered."""

import asyncio
import threading
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Self
from uuid import uuid4

import httpx

from shop.adapters.redis.autopipeline import AutoPipeline
from shop.adapters.redis.client import connect_async
from shop.adapters.redis.order_intake import RedisOrderIntake
from shop.domain.order import Order
from testing.stack import STORE_DB
from testing.stacks.base import BaseStack

SKU, UNKNOWN = "SKU-1", "unheard-of"
QTY = 2
EVERY_S = 0.2
ANSWERS_WITHIN_S = 10.0
#: How soon an order without a message is overdue.
LOST_AFTER_MS = 100
#: Of the orders, one in so many is for an item that there is not.
ONE_FAILS_OF = 5

_numbers = count(1)


@dataclass
class Accepted:
    """What was answered 2xx, and so is owed."""

    #: order id -> task id
    orders: dict[str, str] = field(default_factory=dict)
    #: order id -> item
    items: dict[str, str] = field(default_factory=dict)
    #: task ids
    notifications: list[str] = field(default_factory=list)


class Traffic:
    """A context manager: orders, notifications and look-ups from entering it to its `end`."""

    def __init__(self, stack: BaseStack) -> None:
        self._stack = stack
        self.accepted = Accepted()
        #: What no customer should ever see.
        self.wrong: list[str] = []
        #: How often a customer was asked to come again.
        self.turned_away = 0
        self._http = httpx.Client(
            base_url=stack.base_url, timeout=ANSWERS_WITHIN_S, trust_env=False
        )
        self._unanswered: deque[tuple[str, dict[str, Any]]] = deque()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def end(self) -> None:
        """Nothing new is sent; what was not accepted yet is sent until it is."""
        self._over.set()
        self._thread.join()

    @property
    def unanswered(self) -> int:
        return len(self._unanswered)

    def insist(self) -> None:
        """Send again what was not accepted, once."""
        for _ in range(len(self._unanswered)):
            self._send(*self._unanswered.popleft())

    def notify(self) -> None:
        """One notification; for whoever's turn it is when the stream has ended."""
        number = next(_numbers)
        content = {"email": f"reader-{number}@example.com", "message": f"message {number}"}
        self._send("/test_notification", content)

    def lose_message(self) -> None:
        """An order that is recorded and whose message was lost, so that the sweep sends it."""
        number, task_id = next(_numbers), str(uuid4())
        order = Order(id=f"m-{number}", item=SKU, qty=QTY, email=f"customer-{number}@example.com")

        async def record() -> None:
            async with connect_async(self._stack.redis_url(STORE_DB), "matrix") as store:
                intake = RedisOrderIntake(
                    AutoPipeline(store), overdue_after_ms=LOST_AFTER_MS, backlog_limit=0
                )
                await intake.place(order, task_id)

        asyncio.run(record())
        self.accepted.orders[order.id] = task_id
        self.accepted.items[order.id] = order.item

    def get(self, path: str) -> httpx.Response | None:
        """The answer; None if there was none, which is wrong."""
        return self._call("GET", path)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._http.close()

    def _run(self) -> None:
        while not self._over.wait(EVERY_S):
            self.insist()
            self._customer()

    def _customer(self) -> None:
        number = next(_numbers)
        order = {
            "id": f"m-{number}",
            "item": UNKNOWN if number % ONE_FAILS_OF == 0 else SKU,
            "qty": QTY,
            "email": f"customer-{number}@example.com",
        }
        self._send("/order", order)
        self.notify()
        paths = ["/health/ready", "/metrics"]
        if self.accepted.orders:
            order_id, task_id = next(reversed(self.accepted.orders.items()))
            paths += [f"/order/{order_id}", f"/status/{task_id}", f"/invoice/{order_id}"]
        for path in paths:
            if self._over.is_set():
                return
            self.get(path)

    def _send(self, path: str, content: dict[str, Any]) -> None:
        answer = self._call("POST", path, json=content)
        if answer is None or not answer.is_success:
            self._unanswered.append((path, content))
            return
        task_id = answer.json()["task_id"]
        if path == "/order":
            self.accepted.orders[content["id"]] = task_id
            self.accepted.items[content["id"]] = content["item"]
        else:
            self.accepted.notifications.append(task_id)

    def _call(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        try:
            answer = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            self.wrong.append(f"{method} {path}: {type(error).__name__} {error}")
            return None
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            self.turned_away += 1
        elif answer.is_server_error or answer.is_redirect:
            self.wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer
