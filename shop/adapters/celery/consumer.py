"""Celery's consumer without a step that would be of no use here, and with a thicker skin."""

import logging
from collections.abc import Callable
from typing import Any

from celery.exceptions import InvalidTaskError
from celery.worker import consumer
from celery.worker.state import maybe_shutdown

from shop.adapters.celery.connection import BackOff

logger = logging.getLogger(__name__)

#: Where queues are quorum queues, it declares 28 more for delayed tasks. The shop sends none, and
#: through exchanges of the type `direct` they would not come.
_DELAYED_DELIVERY = "celery.worker.consumer.delayed_delivery:DelayedDelivery"

#: What reading a message raises that is shaped like no task. Celery 5.7 foresees some of it; the
#: rest ended the worker, and the next one that took the same message.
_NO_TASK = (AttributeError, LookupError, TypeError, ValueError)


class Consumer(consumer.Consumer):
    """Named by the setting `worker_consumer`."""

    class Blueprint(consumer.Consumer.Blueprint):
        """The steps of its start, each with the ones it requires."""

        default_steps = tuple(
            step for step in consumer.Consumer.Blueprint.default_steps if step != _DELAYED_DELIVERY
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._back_off = BackOff()
        super().__init__(*args, **kwargs)

    def connect(self) -> Any:
        self._back_off.wait(maybe_shutdown)
        connection = super().connect()
        self._back_off.made()
        return connection

    def reset_rate_limits(self) -> None:
        """Also for what waits already: Celery 5.7 leaves that to the limit before, for minutes."""
        waiting = []
        for bucket in self.task_buckets.values():
            while bucket is not None and bucket.contents:
                waiting.append(bucket.pop())
        super().reset_rate_limits()
        for request, tokens in waiting:
            bucket = self.task_buckets[request.task.name]
            if bucket is None:
                self._limit_move_to_pool(request)
            else:
                self._limit_task(request, bucket, tokens)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        """Puts aside what is no task, as Celery does with what it foresees."""
        handle = super().create_task_handler(*args, **kwargs)

        def handle_or_put_aside(message: Any) -> Any:
            try:
                return handle(message)
            except _NO_TASK as error:
                # Without the error's own words, which may quote the message.
                refusal = InvalidTaskError(f"shaped like no task ({type(error).__name__})")
            if message.acknowledged:
                # Celery was done with it before it stumbled, and a second refusal is an error.
                logger.error("%s", refusal)
                return None
            return self.on_invalid_task(None, message, refusal)

        return handle_or_put_aside
