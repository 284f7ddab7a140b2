"""The brokers that a stack may have, as tests and faults look into them."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any, Protocol, TypeVar

from amqp.exceptions import NotFound
from celery import Celery
from kombu import Connection, Exchange
from kombu import Queue as KombuQueue
from redis import Redis

from shop.adapters.celery.errors import BROKER_ERRORS

T = TypeVar("T")

QUEUES = ("default", "priority")
#: Chooses the broker of every stack that is not told one.
BROKER_VARIABLE = "SHOP_BROKER"
REDIS_BROKER, RABBITMQ_BROKER = "redis", "rabbitmq"
ANSWERS_WITHIN_S = 3.0


def chosen_broker() -> str:
    """What `SHOP_BROKER` names; Redis by default."""
    name = os.environ.get(BROKER_VARIABLE) or REDIS_BROKER
    if name not in (REDIS_BROKER, RABBITMQ_BROKER):
        raise ValueError(f"{BROKER_VARIABLE}={name}: {REDIS_BROKER} or {RABBITMQ_BROKER}")
    return name


class Broker(Protocol):
    """A look into the broker; whatever cannot be asked raises one of `BROKER_ERRORS`."""

    @property
    def url(self) -> str: ...

    def waiting(self, queue: str) -> int:
        """Messages that no worker has taken."""

    def waiting_ids(self, queue: str) -> set[str]:
        """The ids of their tasks."""

    def taken_ids(self, queue: str) -> set[str]:
        """Ids of tasks that a worker took and did not acknowledge, dead ones too.

        Empty with a broker that does not say which they are.
        """

    def lose(self, queue: str) -> None:
        """Throw away all that waits."""

    def has_queue(self, queue: str) -> bool:
        """Whether anybody has ever declared it."""

    def introduce(self, client: Celery) -> None:
        """Tell a client of anybody's how the queues are made."""

    def close(self) -> None: ...


class RedisBroker:
    """kombu's lists."""

    def __init__(self, url: str, client: Callable[[], Redis]) -> None:
        self.url = url
        self._client = client

    def waiting(self, queue: str) -> int:
        length: Any = self._client().llen(queue)
        return int(length)

    def waiting_ids(self, queue: str) -> set[str]:
        messages: Any = self._client().lrange(queue, 0, -1)
        return {_id_of(json.loads(message)) for message in messages}

    def taken_ids(self, queue: str) -> set[str]:
        taken: Any = self._client().hvals("unacked")
        messages = [json.loads(text) for text in taken]
        return {_id_of(message) for message, _, key in messages if key == queue}

    def lose(self, queue: str) -> None:
        self._client().delete(queue)

    def has_queue(self, queue: str) -> bool:
        return bool(self._client().exists(f"_kombu.binding.{queue}"))

    def introduce(self, client: Celery) -> None:
        """Any client makes the same lists."""

    def close(self) -> None:
        """The client is the stack's."""


def _id_of(message: Any) -> str:
    """The task's; one that is no task may have none, or anything else."""
    return str((message.get("headers") or {}).get("id"))


def rabbitmq_url(port: int, user: str = "guest", password: str = "guest") -> str:  # noqa: S107  (its own)
    return f"amqp://{user}:{password}@127.0.0.1:{port}//"


class RabbitMqBroker:
    """Asked through a connection that is made anew when it broke; from any thread."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._lock = Lock()
        self._connection: Connection | None = None

    def is_up(self) -> bool:
        """Whether it lets anybody in; queues may be on their way still."""
        try:
            return self._ask(lambda _: True)
        except BROKER_ERRORS:
            return False

    def waiting(self, queue: str) -> int:
        return self._ask(lambda channel: _declared(channel, queue))

    def waiting_ids(self, queue: str) -> set[str]:
        return self._ask(partial(_looked_through, queue=queue))

    def taken_ids(self, queue: str) -> set[str]:  # noqa: ARG002  (the protocol's signature)
        return set()

    def lose(self, queue: str) -> None:
        with suppress(NotFound):
            self._ask(lambda channel: channel.queue_purge(queue))

    def has_queue(self, queue: str) -> bool:
        try:
            return self.waiting(queue) >= 0
        except NotFound:
            return False

    def introduce(self, client: Celery) -> None:
        # Who declares a queue in another way than the shop does is refused.
        client.conf.task_queues = [
            KombuQueue(queue, Exchange(queue), routing_key=queue, no_declare=True)
            for queue in QUEUES
        ]

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _ask(self, question: Callable[[Any], T]) -> T:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = Connection(self.url, connect_timeout=ANSWERS_WITHIN_S)
                    self._connection.ensure_connection(max_retries=1, interval_start=0)
                channel = self._connection.channel()
                try:
                    return question(channel)
                finally:
                    # What was got and not acknowledged goes back to where it was.
                    channel.close()
            except BROKER_ERRORS:
                self._drop()
                raise

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.collect()


def _declared(channel: Any, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).message_count)


def _looked_through(channel: Any, queue: str) -> set[str]:
    found = set()
    while (message := channel.basic_get(queue)) is not None:
        found.add(message.headers["id"])
    return found
