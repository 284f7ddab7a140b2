"""What an operator told this worker by Celery's remote control: pauses and rate limits.

Celery keeps both in the memory of the worker and reports them when it is asked. To whoever looks
from outside they are a worker that has work and does none.
"""

from collections.abc import Callable

from celery.worker import WorkController

from shop.domain.work import Restraints


def is_paused(worker: WorkController, queue: str) -> bool:
    """Whether `celery control cancel_consumer` holds; `add_consumer` takes it back."""
    return queue not in worker.app.amqp.queues.consume_from


def restraints(worker: WorkController, queue: str, queue_of: Callable[[str], str]) -> Restraints:
    """What holds for `queue` now; `queue_of` is where a task's messages are routed to."""
    buckets = worker.consumer.task_buckets.copy()
    return Restraints(
        is_paused=is_paused(worker, queue),
        rate_limits={
            task: str(worker.app.tasks[task].rate_limit)
            for task, bucket in buckets.items()
            if bucket is not None and queue_of(task) == queue
        },
    )


def holds_back(worker: WorkController) -> bool:
    """Whether a message in hand waits because its task is limited to a rate."""
    buckets = worker.consumer.task_buckets.copy()
    return any(bucket is not None and bucket.contents for bucket in buckets.values())
