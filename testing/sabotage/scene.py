"""The running shop that a scenario plays on."""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from testing.chaos.driver import Driver
from testing.chaos.plan import Arrival, Plan, Profile, Send
from testing.faults import RoutedStack, TcpProxy
from testing.history import HistoryWriter, Operation
from testing.owed import owed
from testing.stack import API, BROKER_DB
from testing.waiting import wait_for

T = TypeVar("T")

PLACED_WITHIN_S = 30.0
DONE_WITHIN_S = 30.0
MAX_QTY = 3


class SabotageStack(RoutedStack):
    """A `RoutedStack` whose `link` leads to the records and not to the broker.

    The API reaches its records by a way of its own, `api_store`.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, **options: Any) -> None:
        """`options` are those of `LocalStack`."""
        super().__init__(environment, **options)
        redis_port = urlsplit(self.redis_url(BROKER_DB)).port
        assert redis_port is not None
        self.api_store = TcpProxy(redis_port)
        self.route("REDIS_PORT", str(self.api_store.port), service=API)
        self.route("CELERY_BROKER_DSN", self.redis_url(BROKER_DB))

    def start(self) -> None:
        self._proxies.enter_context(self.api_store)
        super().start()


@dataclass(frozen=True, slots=True)
class Script(Plan):
    """A plan of exactly these sends, at once; none of it is drawn."""

    sends: Sequence[Send] = ()

    def arrivals(self) -> Iterator[Arrival]:
        return (Arrival(0.0, [send]) for send in self.sends)


class Scene:
    """A context manager: what still sends when it is left is ended."""

    def __init__(self, stack: SabotageStack, history: HistoryWriter, seed: str) -> None:
        self.stack = stack
        self.history = history
        self._draw = random.Random(seed)
        self._orders = 0
        self._drivers = ExitStack()

    def orders(self, *skus: str, qty: int | None = None) -> list[Send]:
        """An order for each of `skus`; each is for `qty`, or as many as are drawn."""
        return [self._order(sku, qty) for sku in skus]

    def some_of(self, skus: Sequence[str], count: int) -> list[Send]:
        """Orders for items that are drawn."""
        return self.orders(*self._draw.choices(skus, k=count))

    def shuffled(self, things: Sequence[T]) -> list[T]:
        return self._draw.sample(things, k=len(things))

    def start(self, sends: Sequence[Send]) -> Driver:
        """Send all of it; each is sent again until it is answered."""
        profile = Profile("scripted", len(sends), 0.0, 0, 0, 0, 0, 0, (0.0, 0.0))
        driver = Driver(
            self.stack.base_url, Script(0, profile, sends), self.history, owed=lambda: 0
        )
        self._drivers.callback(driver.cancel)
        driver.start()
        return driver

    def place(self, sends: Sequence[Send]) -> None:
        """Send all of it, and see it answered."""
        self.finish(self.start(sends))

    def finish(self, driver: Driver) -> None:
        """Until all that it sends is answered."""
        wait_for("every send is answered", lambda: driver.is_done, within_s=PLACED_WITHIN_S)

    def done(self) -> None:
        """Until nothing is owed."""
        wait_for("nothing is owed", lambda: not owed(self.stack), within_s=DONE_WITHIN_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._drivers.close()

    def _order(self, sku: str, qty: int | None) -> Send:
        self._orders += 1
        order_id = f"order-{self._orders}"
        payload = {
            "id": order_id,
            "item": sku,
            "qty": qty or self._draw.randint(1, MAX_QTY),
            "email": f"customer-{self._orders}@example.com",
        }
        return Send(Operation.ORDER, order_id, payload)
