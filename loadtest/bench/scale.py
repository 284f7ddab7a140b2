"""What more workers bring, as `docker compose up --scale` adds them: each kind by itself."""

from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of worker, and a backlog for it."""

    name: str
    worker: str
    #: Of what a measurement puts before them.
    size: int
    unit: str
    environment: Mapping[str, str]


KINDS = (
    Kind("orders", WORKER_DEFAULT, 200, "orders/s", {}),
    # Two processes each, whatever the machine has.
    Kind(
        "orders that wait 200 ms",
        WORKER_DEFAULT,
        60,
        "orders/s",
        {"ORDER_DELAY_MS": "200", "DEFAULT_CONCURRENCY": "2"},
    ),
    Kind(
        "notifications that wait 1 s",
        WORKER_PRIORITY,
        64,
        "notifications/s",
        {"NOTIFICATION_DELAY_MS": "1000", "PRIORITY_CONCURRENCY": "4"},
    ),
)


class NotificationDrainer(ShopDrainer):
    """A backlog of notifications."""

    def fill(self, prefix: str) -> None:
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
        for kind in KINDS:
            drainer = ShopDrainer if kind.worker == WORKER_DEFAULT else NotificationDrainer
            with ExitStack() as up:
                show(f"{kind.name}: starting")
                placing = Placing(up.enter_context(Generator()))
                drainers = [
                    up.enter_context(
                        drainer(
                            placing,
                            kind.size,
                            name=f"{workers}",
                            environment=kind.environment,
                            copies={kind.worker: workers},
                        )
                    )
                    for workers in WORKERS
                ]
                found = measure(drainers, rounds or ROUNDS, show)
            one = found[f"{WORKERS[0]}"]
            comparisons += [
                Comparison(
                    f"{kind.name}: {workers} workers / 1", kind.unit, found[f"{workers}"], one
                )
                for workers in WORKERS[1:]
            ]
        return Result(comparisons)
