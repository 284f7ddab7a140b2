"""The API dies between recording an order and publishing it."""

from collections.abc import Callable, Mapping
from threading import Thread
from typing import Any

from redis import Redis

from shop.adapters.redis import keys
from shop.local.ready import http_ok
from testing.faults.fault import Fault, FaultDidNotTakeHold
from testing.faults.proxy import TcpProxy
from testing.history import Recorder
from testing.stack import API, WORKER_DEFAULT, Stack
from testing.waiting import TimedOut, wait_for

RECORDED_WITHIN_S = 5.0
BACK_WITHIN_S = 30.0
QUEUE = "default"


class ApiKilledBeforePublishing(Fault):
    """SIGKILL while what it publishes is held on the way; started again when healed."""

    name = "api-killed"

    def __init__(
        self,
        stack: Stack,
        broker: TcpProxy,
        order_id: str,
        place: Callable[[], object],
        history: Recorder | None = None,
    ) -> None:
        """`broker` is the API's way to the broker, and no other's.

        `place` sends the order `order_id`, which is new, in a thread of its own: it gets no
        answer until the API is back, if it asks again.
        """
        super().__init__(history)
        self._stack = stack
        self._api = stack.service(API)
        self._broker = broker
        self._order_id = order_id
        self._placing = Thread(target=place, name="placing", daemon=True)
        self._proof: dict[str, str] = {}

    def inject(self) -> None:
        # Standing still, the worker cannot sweep up the order before it was looked at.
        worker = self._stack.service(WORKER_DEFAULT)
        store = self._stack.redis()
        worker.pause()
        try:
            with self._broker.holding():
                self._placing.start()
                try:
                    wait_for(
                        f"order {self._order_id} is recorded",
                        lambda: bool(store.exists(keys.order(self._order_id))),
                        within_s=RECORDED_WITHIN_S,
                    )
                except TimedOut as error:
                    raise FaultDidNotTakeHold(str(error)) from None
                self._api.kill()
                self._broker.cut()
            self._prove(store)
        finally:
            worker.resume()

    def _prove(self, store: Redis) -> None:
        if self._api.is_running:
            raise FaultDidNotTakeHold("the API was killed, and runs")
        task_id: Any = store.hget(keys.order(self._order_id), "task_id")
        if store.zscore(keys.ORDERS_OPEN, self._order_id) is None:
            raise FaultDidNotTakeHold(f"order {self._order_id} is not open")
        if store.hget(keys.task(task_id), "started_at") is not None:
            raise FaultDidNotTakeHold(f"order {self._order_id} was published and started")
        if task_id in self._published():
            raise FaultDidNotTakeHold(f"order {self._order_id} was published")
        self._proof = {"order_id": self._order_id, "task_id": task_id}

    def confirm(self) -> Mapping[str, Any]:
        return self._proof

    def heal(self) -> None:
        # Ctrl-C may have come just when it was frozen.
        self._stack.service(WORKER_DEFAULT).resume()
        if not self._api.is_running:
            self._api.start()
        host, _, port = self._stack.base_url.removeprefix("http://").partition(":")
        answers = http_ok(host, int(port), "/health/live")
        wait_for("the API answers", answers, within_s=BACK_WITHIN_S, explain=self._api.logs)

    def _published(self) -> set[str]:
        """The ids of all tasks that wait, or are in a worker's hand if the broker says so."""
        broker = self._stack.broker
        return broker.waiting_ids(QUEUE) | broker.taken_ids(QUEUE)
