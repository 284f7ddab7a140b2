"""The time that a sweep takes, in a store that has held few orders or many."""

from contextlib import ExitStack

from loadtest.bench.bench import Comparison, Reach, Result, Show
from loadtest.bench.processes import Program
from loadtest.bench.timing import program, times_ms
from testing.servers import running_valkey
from testing.stack import STORE_DB
from testing.timings.filling import OVERDUE, fill_orders

ROUNDS = 12
FEW, MANY = 1_000, 1_000_000
AT_MOST = 1.5


class Sweep:
    """`check_pending_orders` with the same number of overdue orders, made overdue for each run.

    Each store is a server of its own, so that neither's memory is the other's; what it is filled
    with, `testing.timings.filling` says.
    """

    name = "sweep"
    question = f"does a sweep of {OVERDUE} overdue orders cost what was ever ordered?"

    def __init__(self, few: int = FEW, many: int = MANY) -> None:
        self._few = few
        self._many = many

    def run(self, rounds: int | None, show: Show) -> Result:
        with ExitStack() as up:
            many, few = (self._swept(orders, up, show) for orders in (self._many, self._few))
            found = times_ms({"many": many, "few": few}, rounds or ROUNDS, show)
        name = f"{OVERDUE} overdue of {self._many:,} orders / of {self._few:,}"
        reach = Reach(at_most=AT_MOST)
        return Result([Comparison(name, "ms", found["many"], found["few"], reach)])

    def _swept(self, orders: int, up: ExitStack, show: Show) -> Program:
        server = up.enter_context(running_valkey())
        with server.client(STORE_DB) as client:
            fill_orders(client, orders, lambda done: show(f"{done:,} of {orders:,} orders are in"))
        return up.enter_context(
            program("testing.timings", "sweep", "--redis-port", str(server.port))
        )
