"""Stamps: what the ledger adds to each task, at its start and at its end."""

import itertools
import time
from collections.abc import Callable
from uuid import uuid4

from shop.bootstrap import bootstrap_worker
from shop.domain.work import Delivery, Queue, TaskName
from shop.settings import Settings

TASKS_A_RUN = 500


def timing(settings: Settings) -> Callable[[], float]:
    """What stamps tasks that were never seen before, and returns the seconds of one."""
    ledger = bootstrap_worker(settings).ledger
    numbers = itertools.count()

    def run() -> float:
        deliveries = [
            Delivery(
                task=TaskName.PROCESS_ORDER,
                task_id=str(uuid4()),
                delivery_id=f"delivery-{number}",
                queue=Queue.DEFAULT,
                enqueued_at_ms=1,
                age_ms=1,
            )
            for number in itertools.islice(numbers, TASKS_A_RUN)
        ]
        started_s = time.perf_counter()
        for delivery in deliveries:
            ledger.started(delivery)
            ledger.finished(delivery.task_id)
        return (time.perf_counter() - started_s) / TASKS_A_RUN

    run()
    return run
