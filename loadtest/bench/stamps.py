"""What it costs to know when each task was received, started and finished."""

from contextlib import ExitStack

from loadtest.bench.bench import Comparison, Figure, Result, Show
from loadtest.bench.timing import program, times_ms
from testing.servers import running_valkey

ROUNDS = 12


class Stamps:
    """The ledger's two calls of a task, beside two calls of the same server that do nothing."""

    name = "stamps"
    question = "how long do a task's stamps take?"

    def run(self, rounds: int | None, show: Show) -> Result:
        with ExitStack() as up:
            show("starting")
            server = up.enter_context(running_valkey())
            options = ("--redis-port", str(server.port))
            shop = up.enter_context(program("testing.timings", "stamps", *options))
            ping = up.enter_context(program("loadtest.baselines.ping", *options))
            found = times_ms({"shop": shop, "ping": ping}, rounds or ROUNDS, show)
        return Result(
            [Comparison("stamps / two PINGs", "ms", found["shop"], found["ping"])],
            [Figure("stamps of a task", "ms", found["shop"])],
        )
