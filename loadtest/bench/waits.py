"""What orders wait in their queue when they come at a steady rate, below what workers can do."""

import random
import time
from collections.abc import Callable, Iterator, Sequence

import httpx
import numpy as np

from loadtest.bench.bench import BenchBroke
from testing.stacks.ports import HOST

ACCEPTED, OK = 202, 200
PERCENTILE = 95


def arrivals(per_s: float, orders: int, seed: int) -> Iterator[float]:
    """Seconds from the start, drawn at random: customers do not come evenly."""
    source, at_s = random.Random(seed), 0.0
    for _ in range(orders):
        at_s += source.expovariate(per_s)
        yield at_s


def place_at(port: int, times_s: Sequence[float], prefix: str) -> list[str]:
    """Task ids of orders that were placed each at its time, or as soon as the last was answered.

    An order is placed in milliseconds, so at these rates nobody comes late for long.
    """
    tasks = []
    with httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False) as client:
        started_s = time.monotonic()
        for number, at_s in enumerate(times_s):
            time.sleep(max(0.0, started_s + at_s - time.monotonic()))
            answer = client.post(
                "/order",
                json={
                    "id": f"{prefix}-{number}",
                    "item": f"SKU-{number % 10}",
                    "qty": 1,
                    "email": "customer@example.com",
                },
            )
            if answer.status_code != ACCEPTED:
                raise BenchBroke(f"an order was answered {answer.status_code}: {answer.text}")
            tasks.append(answer.json()["task_id"])
    return tasks


def wait_ms(port: int, tasks: Sequence[str]) -> float:
    """What nearly all waited at most, by the shop's own stamps; at least 1 ms."""
    with httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False) as client:
        waits = [_waited_ms(client.get, task) for task in tasks]
    return max(1.0, float(np.percentile(waits, PERCENTILE)))


def _waited_ms(get: Callable[[str], httpx.Response], task: str) -> int:
    answer = get(f"/status/{task}")
    waited = answer.json()["timings"]["queue_wait_ms"] if answer.status_code == OK else None
    if waited is None:
        raise BenchBroke(f"task {task} has not started: {answer.text}")
    return int(waited)
