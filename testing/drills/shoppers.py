"""Who orders while a drill goes on."""

import random
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

import httpx
from redis.exceptions import RedisError

from shop.adapters.redis import keys
from testing.stack import Stack
from testing.waiting import wait_for

ITEM = "DRILL"
PLENTY = 10_000_000
ANN = "ann@example.com"
ANSWER_WITHIN_S = 10.0
MAX_OWED = 15
LOOK_AGAIN_AFTER_S = 0.05


def client(stack: Stack) -> httpx.Client:
    """Speaks to the stack's API, whatever proxy this machine may have."""
    return httpx.Client(base_url=stack.base_url, timeout=ANSWER_WITHIN_S, trust_env=False)


def fill_stock(stack: Stack) -> None:
    """Let there be enough of `ITEM` for any drill."""
    stack.redis().set(keys.stock(ITEM), PLENTY)


def order(order_id: str) -> dict[str, Any]:
    """What `POST /order` takes."""
    return {"id": order_id, "item": ITEM, "qty": 1, "email": ANN}


def notification(message: str) -> dict[str, Any]:
    """What `POST /test_notification` takes."""
    return {"email": ANN, "message": message}


def accepted(http: httpx.Client, path: str, content: dict[str, Any], *, within_s: float) -> str:
    """Send it until it is accepted, as who does not give up; the task's id. Raises `TimedOut`."""

    def attempt() -> str | None:
        try:
            answer = http.post(path, json=content)
        except httpx.TransportError:
            return None
        task_id: str | None = answer.json()["task_id"] if answer.is_success else None
        return task_id

    return wait_for(f"{path} accepts {content}", attempt, within_s=within_s)


class Stream:
    """A context manager: orders arrive in a thread of their own while it is entered.

    They wait while more than `MAX_OWED` are owed work: a drill measures a fault, not a backlog.
    """

    def __init__(self, stack: Stack, *, prefix: str, per_s: float, seed: int) -> None:
        self._http = client(stack)
        self._stack = stack
        self._prefix = prefix
        self._per_s = per_s
        self._draw = random.Random(f"{seed} {prefix}")
        self._enough = Event()
        self._thread = Thread(target=self._run, name="stream", daemon=True)
        #: The order of each task's id; complete for every order whose task was started.
        self.orders: dict[str, str] = {}
        self._error: BaseException | None = None

    def check(self) -> None:
        """Raises what ended it."""
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._enough.set()
        self._thread.join()
        self._http.close()

    def _run(self) -> None:
        number = 0
        store = self._stack.redis()
        try:
            while not self._enough.is_set():
                owed: Any = store.zcard(keys.ORDERS_OPEN)
                if owed > MAX_OWED:
                    self._enough.wait(LOOK_AGAIN_AFTER_S)
                    continue
                number += 1
                order_id = f"{self._prefix}-{number}"
                task_id = accepted(self._http, "/order", order(order_id), within_s=ANSWER_WITHIN_S)
                self.orders[task_id] = order_id
                self._enough.wait(self._draw.expovariate(self._per_s))
        except (AssertionError, httpx.HTTPError, RedisError) as error:
            self._error = error
