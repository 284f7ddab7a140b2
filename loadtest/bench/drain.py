"""Orders that the workers get through a second, from a backlog until nothing is owed."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from celery import Celery

from loadtest.bench.bench import BenchBroke, Comparison, Reach, Result, Show
from loadtest.bench.contenders import (
    Entered,
    Naive,
    Shop,
    baseline_redis,
    celery_argv,
    consumers,
    cores,
)
from loadtest.bench.generator import Job
from loadtest.bench.loading import Generator
from loadtest.bench.processes import Process
from loadtest.bench.rounds import in_turns
from testing.owed import owed
from testing.stack import BROKER_DB, RESULTS_DB, WORKER_DEFAULT, WORKER_PRIORITY
from testing.stacks.ports import HOST

ROUNDS = 6
ORDERS = 500
#: Of what does nothing, which takes about as long as so many orders of the shop.
NOOPS = 2_000
ACCEPTED = 202
CONNECTIONS = 8
#: Between two looks at what is left: less would take the workers' time.
LOOK_EVERY_S = 0.01
DRAINED_WITHIN_S = 240.0


class Drainer(Protocol):
    """Workers with a backlog that is put before them while they are held."""

    name: str
    #: What one measurement puts before them.
    size: int

    def hold(self) -> None: ...

    def fill(self, prefix: str) -> None: ...

    def release(self) -> None: ...

    def left(self) -> int:
        """0 once all of it is done."""

    def clear(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


@dataclass(slots=True)
class Placing:
    """Orders over HTTP, one each."""

    generator: Generator

    def place(self, port: int, orders: int, prefix: str) -> None:
        job = Job(HOST, port, CONNECTIONS, ACCEPTED, 0.0, 0.0, orders=orders, prefix=prefix)
        self.generator.carry_out(job)


class ShopDrainer(Entered):
    """The shop as `shop up` starts it: processed, invoiced and notified counts as done."""

    def __init__(
        self,
        placing: Placing,
        size: int = ORDERS,
        *,
        name: str = "shop",
        environment: Mapping[str, str] | None = None,
        copies: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.size = size
        self._placing = placing
        self.shop = Shop(workers=True, environment=environment, copies=copies)

    def hold(self) -> None:
        for worker in self._workers:
            worker.pause()

    def fill(self, prefix: str) -> None:
        self._placing.place(self.shop.port, self.size, prefix)

    def release(self) -> None:
        for worker in self._workers:
            worker.resume()

    def left(self) -> int:
        return owed(self.shop.stack)

    def clear(self) -> None:
        self.shop.clear()

    def _start(self) -> None:
        self._to_undo.enter_context(self.shop)
        self._workers = [
            service
            for service in self.shop.stack.services
            if service.name.startswith((WORKER_DEFAULT, WORKER_PRIORITY))
        ]


class NaiveDrainer(Entered):
    """The tutorial's worker; all of its three tasks have a result when an order is done."""

    def __init__(self, placing: Placing, size: int = ORDERS) -> None:
        super().__init__()
        self.name = "naive"
        self.size = size
        self._placing = placing
        self._naive = Naive(workers=True)

    def hold(self) -> None:
        self._worker.pause()

    def fill(self, prefix: str) -> None:
        self._placing.place(self._naive.port, self.size, prefix)

    def release(self) -> None:
        self._worker.resume()

    def left(self) -> int:
        return 3 * self.size - _results(self._naive.redis(RESULTS_DB).dbsize())

    def clear(self) -> None:
        self._naive.clear()

    @property
    def _worker(self) -> Process:
        if self._naive.worker is None:
            raise BenchBroke("the naive worker does not run")
        return self._naive.worker

    def _start(self) -> None:
        self._to_undo.enter_context(self._naive)


class NoopDrainer(Entered):
    """Celery alone: the pool of the shop's `default` worker, late acknowledgement, results."""

    def __init__(self, size: int = NOOPS) -> None:
        super().__init__()
        self.name = "no-op"
        self.size = size

    def hold(self) -> None:
        self._worker.pause()

    def fill(self, prefix: str) -> None:
        with self._publisher.connection() as connection:
            for number in range(self.size):
                args = (f"{prefix}-{number}", "SKU-1", 1, "customer@example.com")
                self._publisher.send_task("noop", args, connection=connection, ignore_result=False)

    def release(self) -> None:
        self._worker.resume()

    def left(self) -> int:
        return self.size - _results(self._redis[RESULTS_DB].dbsize())

    def clear(self) -> None:
        self._redis[RESULTS_DB].flushdb(asynchronous=False)
        self._redis[BROKER_DB].delete("default")

    def _start(self) -> None:
        url, self._redis = baseline_redis(self._to_undo)
        self._publisher = Celery("noop", broker=f"{url}/0")
        self._publisher.conf.task_default_queue = "default"
        argv = celery_argv(
            "loadtest.baselines.noop_tasks", "worker", "-Q", "default",
            *("--pool", "prefork", "-c", str(cores()), "--prefetch-multiplier", "1"),
            *("--without-mingle", "--without-gossip"),
        )  # fmt: skip
        self._worker = self._to_undo.enter_context(
            Process(
                argv,
                env={"BENCH_REDIS_URL": url},
                is_ready=lambda: consumers(self._redis[BROKER_DB]) >= 1,
            )
        )


class Drain:
    """A backlog is put before held workers, which are then let go; in turns.

    Whoever is not measured is held, so that nobody takes another's time.
    """

    name = "drain"
    question = "how many orders a second are processed, invoiced and notified?"

    def __init__(self, orders: int = ORDERS, noops: int = NOOPS) -> None:
        self._orders = orders
        self._noops = noops

    def run(self, rounds: int | None, show: Show) -> Result:
        with ExitStack() as up:
            show("starting")
            placing = Placing(up.enter_context(Generator()))
            drainers: tuple[Drainer, ...] = (
                up.enter_context(ShopDrainer(placing, self._orders)),
                up.enter_context(NoopDrainer(self._noops)),
                up.enter_context(NaiveDrainer(placing, self._orders)),
            )
            found = measure(drainers, rounds or ROUNDS, show)
        unit = "orders/s, tasks/s"
        return Result(
            [
                Comparison("shop / no-op", unit, found["shop"], found["no-op"], Reach(0.3)),
                Comparison("shop / naive", "orders/s", found["shop"], found["naive"], Reach(1.5)),
            ]
        )


def measure(drainers: Sequence[Drainer], rounds: int, show: Show) -> dict[str, list[float]]:
    """Name -> how many a second, a value a round, after a round that does not count."""
    found: dict[str, list[float]] = {one.name: [] for one in drainers}
    for one in drainers:
        one.hold()
    for number, turn in enumerate([drainers, *in_turns(drainers, rounds)]):
        for one in turn:
            show(f"round {number} of {rounds}, {one.name}")
            per_s = drain(one, f"r{number}")
            if number:
                found[one.name].append(per_s)
    return found


def drain(one: Drainer, prefix: str) -> float:
    """How many a second; the workers are held before and after. Raises `BenchBroke`."""
    one.fill(prefix)
    started_s = time.monotonic()
    one.release()
    while one.left() > 0:
        if time.monotonic() - started_s > DRAINED_WITHIN_S:
            raise BenchBroke(f"{one.name}: {one.left()} left after {DRAINED_WITHIN_S:g} s")
        time.sleep(LOOK_EVERY_S)
    per_s = one.size / (time.monotonic() - started_s)
    one.hold()
    one.clear()
    return per_s


def _results(size: object) -> int:
    assert isinstance(size, int)
    return size
