"""What more worker processes bring: where the processor is the limit, and where waiting is."""

from contextlib import ExitStack

from loadtest.bench.bench import Comparison, Result, Show
from loadtest.bench.drain import Drainer, Placing, ShopDrainer, measure
from loadtest.bench.loading import Generator

ROUNDS = 4
PROCESSES = (1, 2, 4)
#: Simulated time of an order, which is spent waiting, and the orders of a measurement.
KINDS = ((0, 300), (80, 60))


class Workers:
    """A backlog drained by 1, 2 and 4 processes of the `default` worker, in turns."""

    name = "workers"
    question = "how much faster is a backlog drained by more worker processes?"

    def run(self, rounds: int | None, show: Show) -> Result:
        comparisons = []
        for delay_ms, orders in KINDS:
            with ExitStack() as up:
                show(f"{delay_ms} ms an order: starting")
                placing = Placing(up.enter_context(Generator()))
                drainers: list[Drainer] = [
                    up.enter_context(
                        ShopDrainer(
                            placing,
                            orders,
                            name=f"{processes}",
                            environment={
                                "DEFAULT_CONCURRENCY": str(processes),
                                "ORDER_DELAY_MS": str(delay_ms),
                            },
                        )
                    )
                    for processes in PROCESSES
                ]
                found = measure(drainers, rounds or ROUNDS, show)
            one = found[f"{PROCESSES[0]}"]
            comparisons += [
                Comparison(
                    f"{delay_ms} ms an order: {processes} processes / 1",
                    "orders/s",
                    found[f"{processes}"],
                    one,
                )
                for processes in PROCESSES[1:]
            ]
        return Result(comparisons)
