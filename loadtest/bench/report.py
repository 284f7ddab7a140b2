"""The time that the day's stock report takes."""

from contextlib import ExitStack

from loadtest.bench.bench import Comparison, Reach, Result, Show
from loadtest.bench.timing import program, times_ms
from testing.servers import running_valkey
from testing.stack import STORE_DB
from testing.timings.filling import fill_stock

ROUNDS = 12
SKUS = 100_000
AT_MOST = 1.5


class Report:
    """`daily_stock_report`, stored report included, beside a pass that only reads the levels.

    Both use the same server, in turns.
    """

    name = "report"

    def __init__(self, skus: int = SKUS) -> None:
        self._skus = skus

    @property
    def question(self) -> str:
        return f"how long does the stock report over {self._skus:,} SKUs take?"

    def run(self, rounds: int | None, show: Show) -> Result:
        with ExitStack() as up:
            show("starting")
            server = up.enter_context(running_valkey())
            with server.client(STORE_DB) as client:
                fill_stock(client, self._skus)
            options = ("--redis-port", str(server.port), "--skus", str(self._skus))
            shop = up.enter_context(program("testing.timings", "report", *options))
            scan = up.enter_context(program("loadtest.baselines.scan_report", *options))
            found = times_ms({"shop": shop, "scan": scan}, rounds or ROUNDS, show)
        reach = Reach(at_most=AT_MOST)
        return Result([Comparison("shop / SCAN + MGET", "ms", found["shop"], found["scan"], reach)])
