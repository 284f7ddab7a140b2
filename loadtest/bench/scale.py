"""What more workers bring, as `docker compose up --scale` adds them, where their work waits."""

from contextlib import ExitStack
from dataclasses import dataclass

import httpx

from loadtest.bench.bench import BenchBroke, Comparison, Result, Show
from loadtest.bench.drain import ACCEPTED, Placing, ShopDrainer, measure
from loadtest.bench.loading import Generator
from testing.stack import WORKER_DEFAULT, WORKER_PRIORITY

ROUNDS = 2
WORKERS = (1, 2, 4)
ANSWERS_WITHIN_S = 10.0
#: Small workers whose time is spent waiting: what one machine can show of several.
WAITING = {
    "ORDER_DELAY_MS": "200",
    "DEFAULT_CONCURRENCY": "2",
    "NOTIFICATION_DELAY_MS": "1000",
    "PRIORITY_CONCURRENCY": "4",
    "ORDER_NOTIFICATIONS": "false",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What is put before one kind of worker."""

    name: str
    unit: str
    size: int
    is_orders: bool


KINDS = (
    Kind("default workers, orders of 200 ms", "orders/s", 60, is_orders=True),
    Kind("priority workers, notifications of 1 s", "notifications/s", 32, is_orders=False),
)


class Scaled(ShopDrainer):
    """A shop with so many workers of each kind, and a backlog for one of them."""

    def __init__(self, placing: Placing, workers: int) -> None:
        super().__init__(
            placing,
            name=f"{workers}",
            environment=WAITING,
            copies={WORKER_DEFAULT: workers, WORKER_PRIORITY: workers},
        )
        self.kind = KINDS[0]

    def take(self, kind: Kind) -> None:
        self.kind, self.size = kind, kind.size

    def fill(self, prefix: str) -> None:
        if self.kind.is_orders:
            super().fill(prefix)
            return
        with httpx.Client(timeout=ANSWERS_WITHIN_S, trust_env=False) as client:
            for number in range(self.size):
                answer = client.post(
                    f"{self.shop.stack.base_url}/test_notification",
                    json={"email": "customer@example.com", "message": f"{prefix}-{number}"},
                )
                if answer.status_code != ACCEPTED:
                    raise BenchBroke(f"{self.name}: {answer.status_code} {answer.text[:200]}")


class Scale:
    """A backlog drained by 1, 2 and 4 workers of one kind, in turns."""

    name = "scale"
    question = "how much faster is a backlog drained by more workers of its kind?"

    def run(self, rounds: int | None, show: Show) -> Result:
        comparisons = []
        with ExitStack() as up:
            show("starting")
            placing = Placing(up.enter_context(Generator()))
            shops = [up.enter_context(Scaled(placing, workers)) for workers in WORKERS]
            for kind in KINDS:
                for shop in shops:
                    shop.take(kind)
                found = measure(shops, rounds or ROUNDS, show)
                one = found[f"{WORKERS[0]}"]
                comparisons += [
                    Comparison(f"{kind.name}: {workers} / 1", kind.unit, found[f"{workers}"], one)
                    for workers in WORKERS[1:]
                ]
        return Result(comparisons)
