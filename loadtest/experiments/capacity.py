"""Whether a shop as a plan raises it can serve what the plan offers."""

import os
from collections.abc import Mapping, Sequence

from loadtest.experiments.experiment import Setup
from loadtest.schedule import Rates
from loadtest.users.plan import DEFAULT_DRAIN_WITHIN_S
from loadtest.verdict.load import Load, check_drain, check_load
from loadtest.verdict.verdict import Gate

#: Of the `default` worker, in every stack whose floods are to flood: a machine with more cores
#: would have one process for each, and be offered too little.
DEFAULT_PROCESSES = 2
PROCESSES: Mapping[str, str] = {"DEFAULT_CONCURRENCY": str(DEFAULT_PROCESSES)}
#: Of the `priority` worker, by default.
PRIORITY_THREADS = 32
#: What a task costs a process that does nothing in it, ms, at the least.
TASK_MS = 2.0


def preconditions(setup: Setup, rates: Rates, flood_s: float | None = None) -> Sequence[Gate]:
    """`flood_s` is how long orders may be offered faster than they are done, before a drain."""
    load = Load(
        rates=rates,
        notification_ms=_ms(setup, "NOTIFICATION_DELAY_MS"),
        order_ms=_ms(setup, "ORDER_DELAY_MS") + TASK_MS,
        priority_slots=PRIORITY_THREADS,
        # One a core by default, as earlier versions left it.
        default_slots=int(setup.environment.get("DEFAULT_CONCURRENCY", os.cpu_count() or 1)),
    )
    gates = [check_load(load)]
    if flood_s is not None:
        gates.append(check_drain(load, flood_s, DEFAULT_DRAIN_WITHIN_S))
    return gates


def _ms(setup: Setup, name: str) -> float:
    return float(setup.environment.get(name, 0))
