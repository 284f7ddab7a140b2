"""Workers are killed mid-task: how soon is the order that was in hand started again?"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis import Redis

from shop.adapters.redis import keys
from testing.drills.drill import Figure, Result
from testing.drills.shoppers import Stream, fill_stock
from testing.faults import Fault, PoolProcessKilled, WorkerKilled
from testing.history import HistoryWriter
from testing.observers import collect_deliveries
from testing.stack import BEAT, FLOWER, STORE_DB, WORKER_DEFAULT, Stack
from testing.stacks.local import LocalStack
from testing.waiting import TimedOut, wait_for

PROMISED_S = 5.0
#: Then it counts as not taken up, with this as its value.
GIVE_UP_AFTER_S = 60.0
#: How long orders take, and how many come a second: mostly something is in hand, of two processes
#: at least, and little has to wait. An order that takes as long as the shop's own work, a few ms,
#: is gone before it can be met. What is taken up waits like any other for what came before it.
ORDER_MS, ORDERS_PER_S = 80, 8.0
#: For each kill that counts there may be so many that met an order which was owed nothing.
TRIES = 3
#: What a worker that keeps up owes at most, with a new order every 0.1 s.
IDLE_OWED = 3
#: What an answer may be later than the start of what it speaks of.
ANSWERED_WITHIN_S = 10.0

FAULTS: dict[str, type[WorkerKilled | PoolProcessKilled]] = {
    "taken up again after its worker was killed": WorkerKilled,
    "taken up again after its pool process was killed": PoolProcessKilled,
}


def run(folder: Path, *, times: int, seed: int, on_progress: Callable[[str], None]) -> Result:
    """Each kill under a stream of orders; a value for every order that was in hand.

    Nobody restarts what kills itself but the harness, at once, as a supervisor would.
    """
    figures: list[Figure] = []
    remarks: list[str] = []
    # Beat's sweep, every five minutes, is not what is measured.
    with (
        HistoryWriter(folder / "history.jsonl") as history,
        LocalStack({"ORDER_DELAY_MS": str(ORDER_MS)}, without={FLOWER, BEAT}) as stack,
    ):
        fill_stock(stack)
        with Stream(stack, prefix="taking-up", per_s=ORDERS_PER_S, seed=seed) as stream:
            for promise, fault_type in FAULTS.items():
                values: list[float] = []
                met_nothing = 0
                for attempt in range(times * TRIES):
                    on_progress(f"{fault_type.name} {min(attempt + 1, times)}/{times}")
                    wait_until_idle(stack)
                    taken_s = _kill(fault_type(stack, WORKER_DEFAULT, history), stack, stream)
                    stream.check()
                    values += taken_s
                    met_nothing += not taken_s
                    if attempt + 1 - met_nothing == times:
                        break
                figures.append(Figure(promise, values, PROMISED_S))
                if met_nothing:
                    remarks.append(f"{fault_type.name}: {met_nothing} met orders owed nothing more")
        collect_deliveries(stack.redis(), history)
        (folder / "worker-default.log").write_text(stack.service(WORKER_DEFAULT).logs())
    return Result(figures, remarks)


def wait_until_idle(stack: Stack) -> None:
    """Until little is owed: what the last kill left behind would be measured with the next."""
    store = stack.redis()
    wait_for(
        "the worker keeps up",
        lambda: _open_orders(store) <= IDLE_OWED,
        within_s=GIVE_UP_AFTER_S,
        explain=stack.describe,
    )


def _kill(fault: Fault, stack: Stack, stream: Stream) -> list[float]:
    """Seconds until each order was started again that was in hand, and is owed something."""
    store = stack.redis(STORE_DB)
    with fault:
        proof = fault.proof
        held = proof.get("task_ids") or [proof["task_id"]]
        found = [_order_of(task_id, store, stream) for task_id in held]
        in_hand = {order_id for order_id in found if order_id is not None}
    killed_at_ms = int(proof["killed_at_ms"])
    taken_s = []
    for order_id in sorted(in_hand):
        started_ms = _started_again(store, order_id, killed_at_ms)
        if started_ms is not None:
            taken_s.append(round((started_ms - killed_at_ms) / 1000, 3))
    return taken_s


def _started_again(store: Redis, order_id: str, killed_at_ms: int) -> int | None:
    """When; None if nothing was owed for it any more."""

    def look() -> int | str | None:
        starts = _starts(store, order_id)
        again = [start_ms for start_ms in starts if start_ms >= killed_at_ms]
        if again:
            return min(again)
        # Asked after the starts: its last task may end in between.
        return "owed nothing" if store.zscore(keys.ORDERS_OPEN, order_id) is None else None

    try:
        seen = wait_for(f"order {order_id} is taken up", look, within_s=GIVE_UP_AFTER_S)
    except TimedOut:
        return killed_at_ms + round(GIVE_UP_AFTER_S * 1000)
    if isinstance(seen, int):
        return seen
    again = [start_ms for start_ms in _starts(store, order_id) if start_ms >= killed_at_ms]
    return min(again, default=None)


def _starts(store: Redis, order_id: str) -> list[int]:
    """The last start of each of its two tasks, ms."""
    record: Any = store.hmget(keys.order(order_id), "task_id", "invoice_task_id")
    stamps: list[Any] = [
        store.hget(keys.task(task_id), "started_at") for task_id in record if task_id
    ]
    return [int(stamp) for stamp in stamps if stamp is not None]


def _order_of(task_id: str, store: Redis, stream: Stream) -> str | None:
    """The order that a task worked on; None for a task of no order."""
    name: Any = store.hget(keys.task(task_id), "task")
    if name == "process_order":
        # It may have been started before the answer that named it came.
        return wait_for(
            f"the order of {task_id} is known",
            lambda: stream.orders.get(task_id),
            within_s=ANSWERED_WITHIN_S,
        )
    for order_id in reversed(list(stream.orders.values())):
        if store.hget(keys.order(order_id), "invoice_task_id") == task_id:
            return order_id
    return None


def _open_orders(store: Redis) -> int:
    count: Any = store.zcard(keys.ORDERS_OPEN)
    return int(count)
