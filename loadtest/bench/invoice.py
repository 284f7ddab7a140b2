"""The time that one invoice takes to render."""

from contextlib import ExitStack

from loadtest.bench.bench import Comparison, Reach, Result, Show
from loadtest.bench.timing import program, times_ms

ROUNDS = 12
AT_MOST = 1.5


class Invoice:
    """The shop's renderer beside a bare canvas that draws the same mixed text."""

    name = "invoice"
    question = "how long does one invoice take, in Latin and Cyrillic?"

    def run(self, rounds: int | None, show: Show) -> Result:
        with ExitStack() as up:
            show("starting")
            found = times_ms(
                {
                    "shop": up.enter_context(program("testing.timings", "invoice")),
                    "canvas": up.enter_context(program("loadtest.baselines.canvas_invoice")),
                },
                rounds or ROUNDS,
                show,
            )
        reach = Reach(at_most=AT_MOST)
        return Result([Comparison("shop / canvas", "ms", found["shop"], found["canvas"], reach)])
