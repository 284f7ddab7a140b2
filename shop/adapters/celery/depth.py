"""How much waits in the queues, asked of the broker itself."""

from collections.abc import Mapping, Sequence

import redis.asyncio
from kombu.transport.redis import Channel

from shop.adapters.celery.transport import is_redis
from shop.adapters.redis.client import connect_async, store_deadline
from shop.domain.work import Queue


class RedisQueueGauge:
    """The lengths of the lists in which kombu keeps the queues: one round trip.

    Without a broker on Redis it knows of no queue. What a worker has taken, and not
    acknowledged yet, waits no more.
    """

    def __init__(
        self, client: "redis.asyncio.Redis | None", queues: Sequence[str] = tuple(Queue)
    ) -> None:
        self._client = client
        self._queues = queues

    async def depths(self) -> Mapping[str, int]:
        if self._client is None:
            return {}
        async with store_deadline(), self._client.pipeline(transaction=False) as pipe:
            for queue in self._queues:
                for key in _lists(queue):
                    pipe.llen(key)
            lengths = iter(await pipe.execute())
        return {queue: sum(next(lengths) for _ in _lists(queue)) for queue in self._queues}

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


def connect_queue_gauge(broker_dsn: str) -> RedisQueueGauge:
    """Connects when it is first used."""
    client = connect_async(broker_dsn, "shop-api-gauge") if is_redis(broker_dsn) else None
    return RedisQueueGauge(client)


def _lists(queue: str) -> list[str]:
    """kombu keeps a list for each step of priority, which foreign clients may use."""
    return [f"{queue}{Channel.sep}{step}" if step else queue for step in Channel.priority_steps]
