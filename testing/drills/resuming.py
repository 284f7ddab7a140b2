"""Redis is killed and comes back after a while: how soon do both workers consume again?"""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from shop.adapters.redis import keys
from testing.drills.drill import Figure, Result
from testing.drills.shoppers import accepted, client, fill_stock, notification, order
from testing.faults import RedisKilled
from testing.history import HistoryWriter, now_ms
from testing.stack import BEAT, BROKER_DB, FLOWER, REDIS, WORKER_DEFAULT, WORKER_PRIORITY
from testing.stacks.local import LocalStack
from testing.waiting import TimedOut, wait_for

PROMISED_S = 5.0
#: Then it counts as never, with this as its value.
GIVE_UP_AFTER_S = 60.0
#: How long Redis stays away, in turn: whoever waits longer after each attempt to connect is found
#: out by the longer ones.
AWAY_S = (1.0, 15.0, 5.0, 20.0, 0.0)
#: Placed just before, so that the workers have work in hand.
BURST = 10
LOADED_WITHIN_S = 30.0
PROBE_TIMEOUT_S = 0.5
IDLE_WITHIN_S = 120.0


def run(folder: Path, *, times: int, seed: int, on_progress: Callable[[str], None]) -> Result:
    """Counted from the first answer of Redis, which is when it has loaded its data.

    What counts as consuming is the start of an order, and of a notification, that were placed
    after that; what was queued before has the same way.
    """
    del seed  # Nothing here is drawn.
    orders: list[float] = []
    notifications: list[float] = []
    remarks: list[str] = []
    with (
        HistoryWriter(folder / "history.jsonl") as history,
        LocalStack(without={FLOWER, BEAT}) as stack,
        client(stack) as http,
    ):
        fill_stock(stack)
        for number in range(times):
            away_s = AWAY_S[number % len(AWAY_S)]
            on_progress(f"Redis is away for {away_s:.0f} s, {number + 1}/{times}")
            for burst in range(BURST):
                order_id = f"before-{number}-{burst}"
                accepted(http, "/order", order(order_id), within_s=GIVE_UP_AFTER_S)
            with RedisKilled(stack, history):
                _stay_away(away_s)
                answered_ms = _restart(stack)
                started = _started(stack, http, number)
            took_s = [round((start_ms - answered_ms) / 1000, 3) for start_ms in started]
            orders.append(took_s[0])
            notifications.append(took_s[1])
            remarks.append(
                f"away for {away_s:.0f} s: orders after {took_s[0]:.2f} s, "
                f"notifications after {took_s[1]:.2f} s"
            )
            _settle(stack)
        for name in (WORKER_DEFAULT, WORKER_PRIORITY):
            (folder / f"{name}.log").write_text(stack.service(name).logs())
    return Result(
        [
            Figure("orders are started again after a restart of Redis", orders, PROMISED_S),
            Figure("notifications are", notifications, PROMISED_S),
        ],
        remarks,
    )


def _restart(stack: LocalStack) -> int:
    """Start Redis; when it first answered, ms."""
    # Of its own, for the stack's clients wait before they try again.
    with Redis.from_url(
        stack.redis_url(BROKER_DB),
        socket_timeout=PROBE_TIMEOUT_S,
        socket_connect_timeout=PROBE_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    ) as probe:

        def answered_ms() -> int | None:
            try:
                probe.ping()
            except RedisError:
                return None
            return now_ms()

        stack.service(REDIS).start()
        return wait_for("Redis answers", answered_ms, within_s=LOADED_WITHIN_S)


def _started(stack: LocalStack, http: httpx.Client, number: int) -> list[int]:
    """When a fresh order, and a fresh notification, were started, ms."""
    since_ms = now_ms()
    sends = {"/order": order(f"after-{number}"), "/test_notification": notification("again")}
    # The API, too, has to find Redis again.
    task_ids = [
        accepted(http, path, content, within_s=GIVE_UP_AFTER_S) for path, content in sends.items()
    ]
    started = dict.fromkeys(task_ids, since_ms + round(GIVE_UP_AFTER_S * 1000))

    def all_started() -> bool:
        for task_id in task_ids:
            stamp: Any = stack.redis().hget(keys.task(task_id), "started_at")
            if stamp is None:
                return False
            started[task_id] = int(stamp)
        return True

    with suppress(TimedOut):
        wait_for("both workers consume", all_started, within_s=GIVE_UP_AFTER_S)
    return [started[task_id] for task_id in task_ids]


def _settle(stack: LocalStack) -> None:
    """Until nothing is owed, so that the next repetition starts from a shop at rest."""
    store = stack.redis()

    def done() -> bool:
        return not any(store.zcard(key) for key in (keys.ORDERS_OPEN, keys.NOTIFICATIONS_OPEN))

    wait_for("all work is done", done, within_s=IDLE_WITHIN_S, explain=stack.describe)


def _stay_away(seconds: float) -> None:
    """Here waiting is the plan."""
    time.sleep(seconds)
