"""What the shop's processes and its Redis take, before and after many orders."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import pairwise

import psutil

from loadtest.bench.bench import BenchBroke, Figure, Growth, Reach, Result, Show
from loadtest.bench.contenders import stock_up
from loadtest.bench.generator import Job
from loadtest.bench.loading import Generator
from testing.owed import owed
from testing.stack import API, REDIS
from testing.stacks.local import LocalStack
from testing.stacks.ports import HOST
from testing.waiting import wait_for

#: A round's orders are placed in so many parts, so that what is measured is not a backlog.
BATCHES, BATCH = 10, 1_000
#: Rounds, and the orders of each. After the first one everything is loaded that ever is.
ROUNDS, ORDERS = 5, BATCHES * BATCH
#: Fewer have no growth to tell.
ROUNDS_THAT_SHOW = 2
ACCEPTED = 202
MIB = 2**20
#: MiB that a service may grow by with a round's orders: with 10 000, 52 bytes an order.
GROWTH_MIB = 0.5
BATCH_WITHIN_S = 300.0
#: What Beat sends, and how often each is sent here, for a few processes to have had it.
BEAT_S = "check_pending_orders", "audit_stock", "daily_stock_report"
BEAT_SENDS = 20


class Memory:
    """Every service of `shop up` under a steady stream of orders; shared pages count by share.

    All is as it is by default: notifications take their time, so that each thread of the priority
    worker has work, and what it takes, in the first round. Growth is told of the rounds after that.
    Flower keeps a fixed number of tasks, and grows until it has them.
    """

    name = "memory"
    question = f"what do the processes and Redis take, and do they grow by {ORDERS:,} orders?"

    def run(self, rounds: int | None, show: Show) -> Result:
        count = rounds or ROUNDS
        if count < ROUNDS_THAT_SHOW:
            raise BenchBroke(f"growth shows from the second round on: {ROUNDS_THAT_SHOW} or more")
        with ExitStack() as up:
            show("starting")
            stack = up.enter_context(LocalStack())
            generator = up.enter_context(Generator())
            stock_up(stack.redis())
            taken, held = [_services(stack)], [_redis_bytes(stack)]
            _do_what_beat_sends(stack)
            for number in range(count):
                show(f"round {number + 1} of {count}: {ORDERS:,} orders")
                for batch in range(BATCHES):
                    _place(stack, generator, f"m{number}-{batch}")
                    taken.append(_services(stack))
                held.append(_redis_bytes(stack))
        return found(taken, held)


def found(taken: Sequence[Mapping[str, int]], held: Sequence[int]) -> Result:
    """Of bytes: of each service, idle and after each batch; and of Redis, after each round."""
    count = len(held) - 1
    done = [number / BATCHES for number in range(len(taken))]
    figures, growths = [], []
    for service in taken[0]:
        sizes = [one[service] / MIB for one in taken]
        figures += [
            Figure(f"{service}, idle", "MiB", sizes[:1]),
            Figure(f"{service}, after {count * ORDERS:,} orders", "MiB", sizes[-1:]),
        ]
        name, reach = f"{service}, growth by {ORDERS:,} orders", Reach(at_most=GROWTH_MIB)
        growths.append(Growth(name, "MiB", count - 1, done[BATCHES:], sizes[BATCHES:], reach))
    an_order = [(after - before) / ORDERS for before, after in pairwise(held)]
    return Result(figures=[*figures, Figure("Redis, an order", "bytes", an_order)], growths=growths)


def _do_what_beat_sends(stack: LocalStack) -> None:
    """So often that each process has done each: by itself it would be for the first time later."""
    with stack.celery() as client:
        sent = [
            client.send_task(name, queue="default") for name in BEAT_S for _ in range(BEAT_SENDS)
        ]
        for task in sent:
            task.get(timeout=BATCH_WITHIN_S)


def _place(stack: LocalStack, generator: Generator, prefix: str) -> None:
    port = int(stack.base_url.rpartition(":")[2])
    generator.carry_out(Job(HOST, port, 8, ACCEPTED, 0.0, 0.0, orders=BATCH, prefix=prefix))
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
