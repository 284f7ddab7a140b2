"""What more worker processes bring: where the processor is the limit, and where waiting is."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from loadtest.bench.bench import Comparison, Result, Show
from loadtest.bench.drain import Placing, ShopDrainer, measure
from loadtest.bench.loading import Generator
from loadtest.bench.rounds import in_turns
from loadtest.bench.waits import arrivals, place_at, wait_ms
from testing.waiting import wait_for

ROUNDS = 3
PROCESSES = (1, 2, 4)
#: Simulated time of an order, which is spent waiting, and the orders of a measurement.
KINDS = ((0, 300), (80, 60))
#: Orders that take `WAITING_MS` come at this rate, of which one process can do about 12.
WAITING_MS, PER_S, COMING = 80, 8.0, 80
DONE_WITHIN_S = 60.0


class Workers:
    """A backlog drained by 1, 2 and 4 processes of the `default` worker, in turns.

    Then, with orders that wait themselves, what each of them leaves waiting in the queue.
    """

    name = "workers"
    question = "how much faster is a backlog drained by more worker processes, and what waits?"

    def run(self, rounds: int | None, show: Show) -> Result:
        comparisons: list[Comparison] = []
        for delay_ms, orders in KINDS:
            with ExitStack() as up:
                show(f"{delay_ms} ms an order: starting")
                placing = Placing(up.enter_context(Generator()))
                shops = [
                    up.enter_context(_with(processes, delay_ms, orders, placing))
                    for processes in PROCESSES
                ]
                drained = measure(shops, rounds or ROUNDS, show)
                comparisons += _beside_one(f"{delay_ms} ms an order", "orders/s", drained)
                if delay_ms == WAITING_MS:
                    waited = _waits(shops, rounds or ROUNDS, show)
                    comparisons += _beside_one(f"wait p95 at {PER_S:g} orders/s", "ms", waited)
        return Result(comparisons)


def _with(processes: int, delay_ms: int, orders: int, placing: Placing) -> ShopDrainer:
    environment = {"DEFAULT_CONCURRENCY": str(processes), "ORDER_DELAY_MS": str(delay_ms)}
    return ShopDrainer(placing, orders, name=f"{processes}", environment=environment)


def _waits(shops: Sequence[ShopDrainer], rounds: int, show: Show) -> Mapping[str, list[float]]:
    """Name -> milliseconds, a value a round; all come held, and are left so."""
    found: dict[str, list[float]] = {one.name: [] for one in shops}
    for number, turn in enumerate(in_turns(shops, rounds)):
        # The same arrivals for all of a round.
        times_s = list(arrivals(PER_S, COMING, seed=number))
        for one in turn:
            show(f"{PER_S:g} orders a second, round {number + 1} of {rounds}, {one.name}")
            one.release()
            tasks = place_at(one.shop.port, times_s, f"w{number}")
            wait_for(
                "the orders are done",
                lambda one=one: one.left() == 0,  # type: ignore[misc]
                within_s=DONE_WITHIN_S,
                explain=one.shop.stack.describe,
            )
            found[one.name].append(wait_ms(one.shop.port, tasks))
            one.hold()
            one.clear()
    return found


def _beside_one(what: str, unit: str, found: Mapping[str, Sequence[float]]) -> list[Comparison]:
    one, *more = PROCESSES
    return [
        Comparison(f"{what}: {processes} processes / {one}", unit, found[f"{processes}"],
                   found[f"{one}"])
        for processes in more
    ]  # fmt: skip
