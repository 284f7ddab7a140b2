"""Every sabotage, by name; `docs/sabotage.md` shows them, and a test holds it to this."""

from collections.abc import Mapping

from testing.checkers import Check
from testing.sabotage import patches, scenarios
from testing.sabotage.sabotage import Change, Sabotage
from testing.stack import BEAT

_ALL = (
    Sabotage(
        name="sweep-off",
        breaks="nobody looks for lost work: no sweep in the worker, and no Beat",
        change=Change(settings={"SWEEP_EVERY_S": "0"}, without=frozenset({BEAT})),
        scenario=scenarios.WORKER_KILLED,
        check=Check.LOST,
    ),
    Sabotage(
        name="recording-after-publishing",
        breaks="an order is published first; that recording it failed is a warning in the log",
        change=Change(patch=patches.PUBLISHING_FIRST),
        scenario=scenarios.STORE_CUT,
        check=Check.LOST,
    ),
    Sabotage(
        name="stock-outside-the-script",
        breaks="stock is read, compared and lowered by the task, not by the script",
        change=Change(patch=patches.STOCK_OUTSIDE),
        scenario=scenarios.RUSH,
        check=Check.OVERSOLD,
    ),
    Sabotage(
        name="idempotency-check-removed",
        breaks="the script moves an order on whatever state it is in",
        change=Change(patch=patches.NO_IDEMPOTENCY),
        scenario=scenarios.REPEATED,
        check=Check.DUPLICATE_EFFECT,
    ),
    Sabotage(
        name="no-append-only-file",
        breaks="Redis keeps nothing on disk",
        change=Change(redis_options={"appendonly": "no"}),
        scenario=scenarios.REDIS_KILLED,
        check=Check.LOST,
    ),
    Sabotage(
        name="watchdog-off",
        breaks="a worker does not notice that it has work and starts none",
        change=Change(settings={"STALL_AFTER_S": "0"}),
        scenario=scenarios.POOL_FROZEN,
        check=Check.LOST,
    ),
)

SABOTAGES: Mapping[str, Sabotage] = {sabotage.name: sabotage for sabotage in _ALL}
