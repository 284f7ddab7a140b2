"""Orders that one API process accepts a second."""

from collections.abc import Sequence
from contextlib import ExitStack

from loadtest.bench.bench import Comparison, Reach, Result, Show
from loadtest.bench.contenders import ApiContender, Bare, Naive, Shop
from loadtest.bench.generator import Job
from loadtest.bench.loading import Generator
from loadtest.bench.rounds import in_turns
from testing.stacks.ports import HOST

CONNECTIONS = 32
ROUNDS = 6
WARM_UP_S, MEASURED_S = 1.0, 4.0
ACCEPTED = 202
UNIT = "orders/s"


class Intake:
    """Closed loop over keep-alive connections; only 202 counts, and each order is a new one.

    The shop records and publishes every order; no worker runs, for it would take the processor
    from the API. All contenders stay up, and forget their orders after each measurement.
    """

    name = "intake"
    question = "how many orders does one API process accept a second?"

    def __init__(self, warm_up_s: float = WARM_UP_S, measured_s: float = MEASURED_S) -> None:
        self._warm_up_s = warm_up_s
        self._measured_s = measured_s

    def run(self, rounds: int | None, show: Show) -> Result:
        with ExitStack() as up:
            show("starting")
            shop: ApiContender = up.enter_context(Shop())
            bare: ApiContender = up.enter_context(Bare())
            naive: ApiContender = up.enter_context(Naive())
            generator = up.enter_context(Generator())
            found = self._measure(generator, (shop, bare, naive), rounds or ROUNDS, show)
        return Result(
            [
                Comparison("shop / bare", UNIT, found["shop"], found["bare"], Reach(at_least=0.6)),
                Comparison(
                    "shop / naive", UNIT, found["shop"], found["naive"], Reach(at_least=2.5)
                ),
            ]
        )

    def _measure(
        self, generator: Generator, contenders: Sequence[ApiContender], rounds: int, show: Show
    ) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {one.name: [] for one in contenders}
        for number, turn in enumerate(in_turns(contenders, rounds)):
            for one in turn:
                show(f"round {number + 1} of {rounds}, {one.name}")
                job = Job(
                    HOST, one.port, CONNECTIONS, ACCEPTED, self._warm_up_s, self._measured_s,
                    prefix=f"r{number}",
                )  # fmt: skip
                counted = generator.carry_out(job)
                found[one.name].append(counted.answered / counted.lasted_s)
                one.clear()
        return found
