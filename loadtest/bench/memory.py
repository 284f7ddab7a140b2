"""What the shop's processes and its Redis take, before and after many orders."""

from collections.abc import Mapping
from contextlib import ExitStack
from itertools import pairwise

import psutil

from loadtest.bench.bench import Figure, Growth, Reach, Result, Show
from loadtest.bench.contenders import NO_LIMIT, stock_up
from loadtest.bench.generator import Job
from loadtest.bench.loading import Generator
from testing.owed import owed
from testing.stack import API, REDIS
from testing.stacks.local import LocalStack
from testing.stacks.ports import HOST
from testing.waiting import wait_for

#: Rounds, and the orders of each. After the first one everything is loaded that ever is.
ROUNDS, ORDERS = 5, 10_000
#: A round's orders are placed in so many parts, so that what is measured is not a backlog.
BATCHES = 10
ACCEPTED = 202
MIB = 2**20
#: MiB that a service may grow by with a round's orders: with 10 000, 52 bytes an order.
GROWTH_MIB = 0.5
BATCH_WITHIN_S = 300.0


class Memory:
    """Every service of `shop up` under a steady stream of orders; shared pages count by share.

    All is as it is by default: notifications take their time, so that each thread of the priority
    worker has work, and what it takes, in the first round. Growth is told of the rounds after that.
    Flower keeps a fixed number of tasks, and grows until it has them.
    """

    name = "memory"

    def __init__(self, orders: int = ORDERS) -> None:
        self._orders = orders

    @property
    def question(self) -> str:
        return f"what do the processes and Redis take, and do they grow by {self._orders:,} orders?"

    def run(self, rounds: int | None, show: Show) -> Result:
        count = rounds or ROUNDS
        with ExitStack() as up:
            show("starting")
            stack = up.enter_context(LocalStack(NO_LIMIT))
            generator = up.enter_context(Generator())
            stock_up(stack.redis())
            taken, held = [_services(stack)], [_redis_bytes(stack)]
            for number in range(count):
                show(f"round {number + 1} of {count}: {self._orders:,} orders")
                for batch in range(BATCHES):
                    self._place(stack, generator, f"m{number}-{batch}")
                    taken.append(_services(stack))
                held.append(_redis_bytes(stack))
        done = [number / BATCHES for number in range(len(taken))]
        figures, growths = [], []
        for service in taken[0]:
            sizes = [one[service] / MIB for one in taken]
            figures += [
                Figure(f"{service}, idle", "MiB", sizes[:1]),
                Figure(f"{service}, after {count * self._orders:,} orders", "MiB", sizes[-1:]),
            ]
            if count > 1:
                name = f"{service}, growth by {self._orders:,} orders"
                reach = Reach(at_most=GROWTH_MIB)
                growths.append(Growth(name, "MiB", done[BATCHES:], sizes[BATCHES:], reach))
        an_order = [(after - before) / self._orders for before, after in pairwise(held)]
        figures.append(Figure("Redis, an order", "bytes", an_order))
        return Result(figures=figures, growths=growths)

    def _place(self, stack: LocalStack, generator: Generator, prefix: str) -> None:
        port, size = int(stack.base_url.rpartition(":")[2]), self._orders // BATCHES
        generator.carry_out(Job(HOST, port, 8, ACCEPTED, 0.0, 0.0, orders=size, prefix=prefix))
        wait_for(
            "the orders are done",
            lambda: owed(stack) == 0,
            within_s=BATCH_WITHIN_S,
            explain=stack.describe,
        )


def _services(stack: LocalStack) -> Mapping[str, int]:
    """Service -> bytes; the API first."""
    services = sorted(stack.services, key=lambda service: service.name != API)
    return {
        service.name: sum(map(_own_bytes, service.pids()))
        for service in services
        if service.name != REDIS
    }


def _own_bytes(pid: int) -> int:
    """What it holds alone, and its share of what it holds with others, where that is told."""
    try:
        full = psutil.Process(pid).memory_full_info()
    except psutil.NoSuchProcess:
        return 0
    return int(getattr(full, "pss", full.uss))


def _redis_bytes(stack: LocalStack) -> int:
    return int(stack.redis().info("memory")["used_memory_dataset"])
