"""How often each task was delivered, read from its stamps at the end of a run."""

from typing import Any

from redis import Redis

from shop.adapters.redis import keys
from testing.history import Recorder

SCAN_STEP = 1_000


def collect_deliveries(client: Redis, history: Recorder) -> int:
    """Record every task that was started, at the time of its last start; returns how many.

    `client` is one of the data store, and decodes replies.
    """
    prefix = keys.task("")
    # SCAN may show a key twice.
    found = sorted(set(client.scan_iter(match=f"{prefix}*", count=SCAN_STEP)))
    started = 0
    for begin in range(0, len(found), SCAN_STEP):
        batch = found[begin : begin + SCAN_STEP]
        with client.pipeline(transaction=False) as pipe:
            for key in batch:
                pipe.hmget(key, "task", "deliveries", "started_at")
            rows: list[list[Any]] = pipe.execute()
        for key, (task, deliveries, started_at) in zip(batch, rows, strict=True):
            # Without a start it was merely issued.
            if started_at is not None:
                history.delivery(
                    key.removeprefix(prefix),
                    task=task,
                    deliveries=int(deliveries),
                    started_at_ms=int(started_at),
                )
                started += 1
    return started
