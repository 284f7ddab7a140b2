"""How much waits in the queues and for how long, asked of the broker itself."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import redis.asyncio
from amqp.exceptions import ChannelError
from celery import Celery
from kombu.transport.redis import Channel
from redis.client import NEVER_DECODE

from shop.adapters.celery.envelope import ENQUEUED_AT_HEADER
from shop.adapters.celery.errors import BROKER_ERRORS
from shop.adapters.celery.head import AT_HEAD_HEADER, KINDS_AT_MOST
from shop.adapters.celery.transport import is_redis
from shop.adapters.redis.client import API_DEADLINE_S, connect_async, store_deadline
from shop.domain.errors import StoreUnavailable
from shop.domain.work import Queue, Waiting
from shop.settings import Settings

_AT_HEAD = AT_HEAD_HEADER.encode()


class RedisQueueGauge:
    """The lists in which kombu keeps the queues, their lengths and their ends: one round trip.

    Without a client, for a broker that cannot be asked, it knows of no queue. What a worker has
    taken, and not acknowledged yet, waits no more.
    """

    def __init__(
        self, client: "redis.asyncio.Redis | None", queues: Sequence[str] = tuple(Queue)
    ) -> None:
        self._client = client
        self._queues = queues

    async def read(self) -> Mapping[str, Waiting]:
        if self._client is None:
            return {}
        async with store_deadline(), self._client.pipeline(transaction=False) as pipe:
            for queue in self._queues:
                for key in _lists(queue):
                    pipe.llen(key)
                    # Messages are pushed on the left, and taken from the right; Beat's are put
                    # there, and say nothing of how long the others wait.
                    # Bytes, for anybody may have pushed anything.
                    options: dict[str, Any] = {NEVER_DECODE: True}
                    pipe.execute_command("LRANGE", key, -1 - KINDS_AT_MOST, -1, **options)
            pipe.time()
            *found, (seconds, microseconds) = await pipe.execute()
        now_ms = int(seconds) * 1000 + int(microseconds) // 1000
        replies = iter(found)
        return {
            queue: _waiting([(next(replies), next(replies)) for _ in _lists(queue)], now_ms)
            for queue in self._queues
        }

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


class CeleryQueueGauge:
    """The queues' lengths, asked off the event loop.

    How long a message has waited, a broker such as RabbitMQ does not say without handing it out.
    """

    def __init__(self, app: Celery, queues: Sequence[str] = tuple(Queue)) -> None:
        self._app = app
        self._queues = queues
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="queue-gauge")

    async def read(self) -> Mapping[str, Waiting]:
        asking = asyncio.get_running_loop().run_in_executor(self._thread, self._ask)
        try:
            depths = await asyncio.wait_for(asking, API_DEADLINE_S)
        except (TimeoutError, *BROKER_ERRORS) as error:
            raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
        return {
            queue: Waiting(depth, None if depth else 0.0)
            for queue, depth in zip(self._queues, depths, strict=True)
        }

    async def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _ask(self) -> list[int]:
        return [messages_waiting(self._app, queue) for queue in self._queues]


def messages_waiting(app: Celery, queue: str) -> int:
    """How many messages no worker has taken yet, on any broker; raises one of `BROKER_ERRORS`."""
    with app.connection_or_acquire(pool=True) as connection:
        channel = connection.default_channel
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        except ChannelError:
            if not getattr(channel, "is_open", True):
                # RabbitMQ closes the one on which it is asked for what is not there.
                connection.revive(None)
            # An empty list does not exist in Redis; in RabbitMQ a queue that nobody declared yet.
            return 0


def connect_queue_gauge(app: Celery, settings: Settings) -> RedisQueueGauge | CeleryQueueGauge:
    """Connects when it is first used."""
    if settings.uses_rabbitmq:
        return CeleryQueueGauge(app)
    broker_dsn = settings.broker_dsn
    client = connect_async(broker_dsn, "shop-api-gauge") if is_redis(broker_dsn) else None
    return RedisQueueGauge(client)


def _lists(queue: str) -> list[str]:
    """kombu keeps a list for each step of priority, which foreign clients may use."""
    return [f"{queue}{Channel.sep}{step}" if step else queue for step in Channel.priority_steps]


def _waiting(lists: list[tuple[int, list[bytes]]], now_ms: int) -> Waiting:
    depth = sum(length for length, _ in lists)
    stamps = [
        stamp
        for _, next_ones in lists
        for oldest in [message for message in next_ones if _AT_HEAD not in message][-1:]
        if (stamp := _stamp(oldest)) is not None
    ]
    if depth == 0:
        return Waiting(0)
    return Waiting(depth, max(0, now_ms - min(stamps)) / 1000 if stamps else None)


def _stamp(message: bytes) -> int | None:
    """When the shop published it; foreign clients may put anything there, or nothing."""
    try:
        stamp = json.loads(message)["headers"][ENQUEUED_AT_HEADER]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return stamp if type(stamp) is int else None
