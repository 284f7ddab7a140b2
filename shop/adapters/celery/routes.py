"""Where tasks are sent: the shop's own to its own queues, others' to where they are meant."""

from typing import Any

from celery.app import routes
from kombu import Exchange
from kombu import Queue as KombuQueue

from shop.adapters.celery.transport import is_redis
from shop.domain.work import TaskName

_OURS = frozenset(TaskName)


class Router(routes.Router):
    """Celery's own, which lets what follows a task of the shop go to another system's queue.

    `task_create_missing_queues` is off, so that a misspelt queue is an error, and no queue that
    nobody reads. Celery 5.7 refuses a callback to any other queue for it: the task that is to be
    followed fails, and the callback is lost.
    """

    def route(
        self,
        options: dict[str, Any],
        name: str,
        args: Any = (),
        kwargs: Any = None,
        task_type: Any = None,
    ) -> Any:
        queue = options.get("queue")
        if isinstance(queue, str) and queue not in self.queues and name not in _OURS:
            options = {**options, "queue": self._foreign(queue)}
        return super().route(options, name, args, kwargs, task_type)

    def _foreign(self, queue: str) -> KombuQueue:
        # RabbitMQ refuses to have a queue declared in another way than its owner did. In Redis it
        # is a list, and declared by whoever comes first.
        is_owners = not is_redis(self.app.conf.broker_url)
        return KombuQueue(queue, Exchange(queue), routing_key=queue, no_declare=is_owners)
