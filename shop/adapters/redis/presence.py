"""Which workers are alive: a beat costs one call, a look costs one."""

from collections.abc import Sequence

import redis.asyncio
from redis import Redis

from shop.adapters.redis import keys
from shop.adapters.redis.client import store_deadline, store_errors
from shop.adapters.redis.scripts import source
from shop.domain.errors import StoreUnavailable
from shop.domain.work import Queue


class RedisPresence:
    """A worker's side: say that it is alive."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._beat = client.register_script(source("beat_worker"))

    def beat(self, queue: str, worker: str) -> None:
        with store_errors():
            self._beat(keys=[keys.workers(queue)], args=[worker, keys.WORKER_TTL_S * 1000])

    def leave(self, queue: str, worker: str) -> None:
        """Say that it stops, so that nobody waits for its silence to tell."""
        with store_errors():
            self._client.zrem(keys.workers(queue), worker)


class RedisReadiness:
    """The API's side: is there Redis, and a live worker for each queue?"""

    def __init__(self, client: "redis.asyncio.Redis", queues: Sequence[str] = tuple(Queue)) -> None:
        self._queues = queues
        self._count = client.register_script(source("count_workers"))

    async def missing(self) -> list[str]:
        try:
            async with store_deadline():
                alive = await self._count(
                    keys=[keys.workers(queue) for queue in self._queues],
                    args=[keys.WORKER_TTL_S * 1000],
                )
        except StoreUnavailable:
            return ["redis"]
        return [
            f"worker:{queue}" for queue, count in zip(self._queues, alive, strict=True) if not count
        ]
