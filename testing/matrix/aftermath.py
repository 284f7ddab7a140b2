"""What holds of a running shop when a fault is healed: accepted work is finished, nothing is left.

Each check yields what is wrong, a line each.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis

from testing.brokers import QUEUES
from testing.matrix.stack import SERVICES, MatrixStack
from testing.matrix.traffic import QTY, SKU, Accepted, Traffic
from testing.stack import BROKER_DB, WORKER_DEFAULT, WORKER_PRIORITY

#: A pool grows and shrinks by some; what leaks at each fault is soon more.
SPARE = 3
INSPECT_WITHIN_S = 3.0


@dataclass(frozen=True, slots=True)
class Steady:
    """What there is of everything when nothing fails."""

    pids: dict[str, list[int]]
    threads: Counter[str]
    connections: Counter[str]
    #: Of the one item, without what was sold since.
    stock: int


def steady(stack: MatrixStack) -> Steady:
    return Steady(stack.main_pids(), stack.threads(), stack.connections(), _stock(stack.redis()))


def ended(stack: MatrixStack, before: Steady) -> Iterator[str]:
    """Processes that are not there any more, or are others."""
    now = stack.main_pids()
    for service in SERVICES:
        if gone := sorted(set(before.pids[service]) - set(now[service])):
            yield f"{service}: {len(gone)} of its processes ended"


def unfinished(stack: MatrixStack, traffic: Traffic) -> list[str]:
    """What is still owed; empty once nobody waits for anything."""
    if traffic.unanswered:
        traffic.insist()
    return [*_owed(stack, traffic), *_undone(stack.redis(), traffic.accepted)]


def _owed(stack: MatrixStack, traffic: Traffic) -> Iterator[str]:
    store = stack.redis()
    counts: dict[str, Any] = {
        "requests unanswered": traffic.unanswered,
        "orders open": store.zcard("orders:open"),
        "notifications open": store.zcard("notifications:open"),
    }
    for what, number in counts.items():
        if number:
            yield f"{number} {what}"


class Messages:
    """Those that there are now: Beat sends new ones all the time."""

    def __init__(self, stack: MatrixStack) -> None:
        self._broker: Redis = stack.redis(BROKER_DB)
        self._seen = self._now()

    def left(self) -> list[str]:
        """Which of them are still there."""
        now = self._now()
        counts = Counter(now[tag] for tag in self._seen.keys() & now.keys())
        return [f"{number} messages of {what}" for what, number in counts.items()]

    def _now(self) -> dict[str, str]:
        """By its tag, of which task a message is and where."""
        found: dict[str, str] = {}
        for queue in QUEUES:
            for text in cast(list[str], self._broker.lrange(queue, 0, -1)):
                message = json.loads(text)
                tag = message["properties"]["delivery_tag"]
                found[tag] = f"{message['headers']['task']} are in queue {queue}"
        for tag, text in cast(dict[str, str], self._broker.hgetall("unacked")).items():
            message, *_ = json.loads(text)
            again = " again" if message["headers"].get("redelivered") else ""
            found[tag] = f"{message['headers']['task']} are not acknowledged{again}"
        return found


def _undone(store: Redis, accepted: Accepted) -> Iterator[str]:
    with store.pipeline(transaction=False) as pipe:
        for order_id in accepted.orders:
            pipe.get(f"order:{order_id}:status")
            pipe.exists(f"invoice:{order_id}")
        for task_id in accepted.notifications:
            pipe.hget(f"notification:{task_id}", "status")
        replies = iter(pipe.execute())
    for order_id, item in accepted.items.items():
        status, has_invoice = next(replies), next(replies)
        wanted = ("processed", 1) if item == SKU else ("failed", 0)
        if (status, has_invoice) != wanted:
            yield f"order {order_id} is {status}, with {has_invoice} invoices"
    for task_id in accepted.notifications:
        if (status := next(replies)) != "delivered":
            yield f"notification {task_id} is {status}"


def disagreements(stack: MatrixStack, traffic: Traffic) -> Iterator[str]:
    """Where `/status` does not say what the record does; of those that are told of, the first."""
    store: Redis = stack.redis()
    for order_id, task_id in traffic.accepted.orders.items():
        status = store.get(f"order:{order_id}:status")
        yield from _shown(traffic, f"order {order_id}", task_id, str(status))
    for task_id in traffic.accepted.notifications:
        yield from _shown(traffic, "notification", task_id, "delivered")


def _shown(traffic: Traffic, what: str, task_id: str, status: str) -> Iterator[str]:
    answer = traffic.get(f"/status/{task_id}")
    if answer is None or not answer.is_success:
        yield f"{what}: /status says {answer and answer.status_code}"
        return
    shown = answer.json()
    if shown["state"] != "SUCCESS" or (shown["result"] or {}).get("status") != status:
        yield f"{what} is {status}, /status says {shown['state']} {shown['result']}"


def doubled(stack: MatrixStack, before: Steady, accepted: Accepted) -> Iterator[str]:
    """Effects that are not there exactly once."""
    store: Redis = stack.redis()
    sold = QTY * sum(item == SKU for item in accepted.items.values())
    if (left := _stock(store)) != before.stock - sold:
        yield f"{before.stock} in stock, {sold} sold, {left} left"
    told = Counter[str]()
    for key in store.scan_iter("notification:*", count=1_000):
        told[str(store.hget(key, "email"))] += 1
    for order_id in accepted.orders:
        email = f"customer-{order_id.removeprefix('m-')}@example.com"
        if told[email] != 1:
            yield f"order {order_id} has {told[email]} notifications"


def left_behind(stack: MatrixStack, before: Steady) -> list[str]:
    """Threads and connections that there were not before."""
    found = []
    for what, now, then in (
        ("threads", stack.threads(), before.threads),
        ("connections", stack.connections(), before.connections),
    ):
        for name, number in now.items():
            if number > then[name] + SPARE:
                found.append(f"{name}: {number} {what}, {then[name]} before")
    return found


def in_hand(stack: MatrixStack) -> list[str]:
    """What workers say that they hold, when there is nothing to be done; or that they say none."""
    client = stack.celery()
    try:
        inspect = client.control.inspect(timeout=INSPECT_WITHIN_S, limit=2)
        held = [inspect.reserved() or {}, inspect.active() or {}]
    finally:
        client.close()
    found = []
    for service in (WORKER_DEFAULT, WORKER_PRIORITY):
        queue = service.removeprefix("worker-")
        for replies in held:
            mine = [reply for node, reply in replies.items() if node.startswith(f"{queue}@")]
            if not mine:
                found.append(f"{service} does not answer inspect")
            elif mine[0]:
                found.append(f"{service} holds {len(mine[0])} requests")
    return found


def _stock(store: Redis) -> int:
    level: Any = store.get(f"stock:{SKU}")
    return int(level or 0)
