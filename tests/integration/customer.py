"""What the tests do with a stack from outside: order, ask, wait."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

import httpx
from redis import Redis

from testing.stack import Stack
from testing.waiting import wait_for

T = TypeVar("T")

ANN = "ann@example.com"
#: What a busy machine may need, with the sweep that finds what was lost; an idle one takes 3 s.
DONE_WITHIN_S = 60.0
ANSWER_WITHIN_S = 10.0


def new_id(kind: str) -> str:
    """An id that nobody used before."""
    return f"{kind}-{uuid4().hex[:12]}"


def plain_http(base_url: str, **options: Any) -> httpx.Client:
    """A client without TLS, whose certificates would take it 35 ms to load."""
    given = {"timeout": ANSWER_WITHIN_S, "trust_env": False, "verify": False, **options}
    return httpx.Client(base_url=base_url, **given)


@dataclass(frozen=True)
class Goods:
    """One item, put into the stock when this is made."""

    store: Redis
    level: int
    price_minor: int | None = None
    sku: str = field(default_factory=lambda: new_id("SKU"))

    def __post_init__(self) -> None:
        self.store.set(f"stock:{self.sku}", self.level)
        if self.price_minor is not None:
            self.store.set(f"price:{self.sku}", self.price_minor)

    @property
    def left(self) -> int:
        return int(self.store.get(f"stock:{self.sku}"))


class Customer:
    """Speaks HTTP only."""

    def __init__(self, stack: Stack, **headers: str) -> None:
        self.stack = stack
        self.http = plain_http(stack.base_url, headers=headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.http.close()

    def order(self, item: str, order_id: str, qty: int = 2, email: str = ANN) -> httpx.Response:
        content = {"id": order_id, "item": item, "qty": qty, "email": email}
        return self.http.post("/order", json=content)

    def place(self, item: str, qty: int = 2, order_id: str | None = None) -> str:
        """Order, and be told that it was accepted as new; returns the order's id."""
        order_id = order_id or new_id("order")
        answer = self.order(item, order_id, qty)
        assert answer.status_code == 202, answer.text
        return order_id

    def notify(self, message: str, email: str = ANN) -> str:
        """Send a notification by hand; returns the task's id."""
        answer = self.http.post("/test_notification", json={"email": email, "message": message})
        assert answer.status_code == 202, answer.text
        task_id: str = answer.json()["task_id"]
        return task_id

    def seen(self, order_id: str) -> dict[str, Any]:
        """The order as the API shows it."""
        return self._get(f"/order/{order_id}")

    def task(self, task_id: str) -> dict[str, Any]:
        return self._get(f"/status/{task_id}")

    def until(
        self, what: str, attempt: Callable[[], T | None], within_s: float = DONE_WITHIN_S
    ) -> T:
        return wait_for(what, attempt, within_s=within_s, explain=self.stack.describe)

    def decided(self, order_id: str) -> dict[str, Any]:
        """The order, once it is processed or has failed."""

        def decided() -> dict[str, Any] | None:
            order = self.seen(order_id)
            return order if order["status"] != "pending" else None

        return self.until(f"order {order_id} is decided", decided)

    def invoiced(self, order_id: str) -> bytes:
        """The order's invoice, once there is one."""

        def invoice() -> bytes | None:
            answer = self.http.get(f"/invoice/{order_id}")
            return answer.content if answer.status_code == 200 else None

        return self.until(f"order {order_id} has an invoice", invoice)

    def ended(self, task_id: str) -> dict[str, Any]:
        """The task, once its state is final."""

        def ended() -> dict[str, Any] | None:
            task = self.task(task_id)
            return task if task["ready"] else None

        return self.until(f"task {task_id} has ended", ended)

    def _get(self, path: str) -> dict[str, Any]:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content
