"""What intake and drain cost when much is waiting already."""

import time
from collections.abc import Sequence
from contextlib import ExitStack

from loadtest.bench.bench import Comparison, Reach, Result, Show
from loadtest.bench.contenders import Shop
from loadtest.bench.generator import Job
from loadtest.bench.loading import Generator
from loadtest.bench.rounds import in_turns
from testing.stack import WORKER_DEFAULT, WORKER_PRIORITY
from testing.stacks.ports import HOST

ROUNDS = 3
BACKLOGS = (10_000, 200_000)
CONNECTIONS = 32
ACCEPTED = 202
WARM_UP_S, INTAKE_S, DRAIN_S = 0.5, 2.0, 4.0
#: More than are worked off in `DRAIN_S`, of whose invoices none comes to its turn.
ORDERS = 4_000
AT_LEAST = 0.8


class Backlog:
    """One shop with nothing waiting and one with a backlog, both held, are measured in turns."""

    name = "backlog"
    question = "does it slow down intake and drain when thousands of orders wait already?"

    def __init__(self, backlogs: Sequence[int] = BACKLOGS) -> None:
        self._backlogs = backlogs

    def run(self, rounds: int | None, show: Show) -> Result:
        comparisons: list[Comparison] = []
        with ExitStack() as up:
            show("starting")
            generator = up.enter_context(Generator())
            empty, full = up.enter_context(Shop(workers=True)), up.enter_context(Shop(workers=True))
            for shop in (empty, full):
                _hold(shop)
            waiting = 0
            for backlog in self._backlogs:
                show(f"placing {backlog:,} orders")
                _place(generator, full, backlog - waiting, f"b{backlog}")
                waiting = backlog
                comparisons += _compare(generator, (empty, full), backlog, rounds or ROUNDS, show)
        return Result(comparisons)


def _compare(
    generator: Generator, shops: tuple[Shop, Shop], backlog: int, rounds: int, show: Show
) -> list[Comparison]:
    empty, full = shops
    intake: dict[Shop, list[float]] = {empty: [], full: []}
    drain: dict[Shop, list[float]] = {empty: [], full: []}
    for number, turn in enumerate(in_turns(shops, rounds)):
        for shop in turn:
            show(f"{backlog:,} waiting, round {number + 1} of {rounds}")
            prefix = f"i{backlog}-{number}"
            counted = generator.carry_out(
                Job(HOST, shop.port, CONNECTIONS, ACCEPTED, WARM_UP_S, INTAKE_S, prefix=prefix)
            )
            intake[shop].append(counted.answered / counted.lasted_s)
            if shop is empty:
                shop.clear()
                _place(generator, shop, ORDERS, f"d{backlog}-{number}")
            drain[shop].append(_drained_per_s(shop))
            if shop is empty:
                shop.clear()
    reach = Reach(at_least=AT_LEAST)
    return [
        Comparison(f"{what}, {backlog:,} waiting / none", "orders/s", of[full], of[empty], reach)
        for what, of in (("intake", intake), ("drain", drain))
    ]


def _place(generator: Generator, shop: Shop, orders: int, prefix: str) -> None:
    job = Job(HOST, shop.port, CONNECTIONS, ACCEPTED, 0.0, 0.0, orders=orders, prefix=prefix)
    generator.carry_out(job)


def _drained_per_s(shop: Shop) -> float:
    # Orders that were processed: their invoices stand behind all that waits.
    before, started_s = _processed(shop), time.monotonic()
    _release(shop)
    time.sleep(DRAIN_S)
    after, lasted_s = _processed(shop), time.monotonic() - started_s
    _hold(shop)
    return (after - before) / lasted_s


def _processed(shop: Shop) -> int:
    return int(str(shop.stack.redis().hget("metrics:orders", "processed") or 0))


def _hold(shop: Shop) -> None:
    for name in (WORKER_DEFAULT, WORKER_PRIORITY):
        shop.stack.service(name).pause()


def _release(shop: Shop) -> None:
    for name in (WORKER_DEFAULT, WORKER_PRIORITY):
        shop.stack.service(name).resume()
