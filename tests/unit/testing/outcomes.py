"""Runs that end in each way, and what chaos makes of them."""

from typing import Any

from testing.chaos.finishing import Finish
from testing.chaos.outcome import Outcome
from testing.chaos.plan import QUICK, Plan
from testing.checkers import Judgement
from testing.faults import RedisKilled
from testing.history import Phase
from tests.unit.testing.made_up import MadeUpRun


def good_run() -> MadeUpRun:
    run = MadeUpRun(SKU_1=10)
    run.place("order-1")
    return run


def an_outcome(judgement: Judgement, **changed: Any) -> Outcome:
    given: dict[str, Any] = {
        "plan": Plan(5, QUICK),
        "judgement": judgement,
        "drain_s": 1.0,
        "drain_after_fault_s": 1.0,
        "finishes": [Finish("order order-1", 1.0)],
        "took_s": 60.0,
        "restarts": {},
        "stalls": 0,
        "attempts": 1,
        "given_up": 0,
        "arrivals_waited_s": 0.0,
    }
    return Outcome(**given | changed)


def lost_run() -> MadeUpRun:
    run = good_run()
    run.undo("order-1")
    return run


def doubtful_run() -> MadeUpRun:
    run = good_run()
    run.fault(RedisKilled.name, "one", Phase.INJECTED, Phase.NOT_CONFIRMED, Phase.HEALED)
    return run
