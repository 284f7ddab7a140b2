"""Which workers are alive, and what operators told them: a beat costs one call, so does a look."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import redis.asyncio
from redis import Redis

from shop.adapters.redis import keys
from shop.adapters.redis.client import store_deadline, store_errors
from shop.adapters.redis.scripts import source
from shop.domain.errors import StoreUnavailable
from shop.domain.work import Consumers, Queue, Restraints

UNRESTRAINED = Restraints()


class RedisPresence:
    """A worker's side: say that it is alive, and learn of the others."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._beat = client.register_script(source("beat_worker"))
        self._look = client.register_script(source("look_at_workers"))

    def beat(self, queue: str, worker: str, restraints: Restraints = UNRESTRAINED) -> None:
        told = "" if restraints == UNRESTRAINED else json.dumps(asdict(restraints))
        with store_errors():
            self._beat(
                keys=[keys.workers(queue), keys.restraints(queue)],
                args=[worker, keys.WORKER_TTL_S * 1000, told],
            )

    def leave(self, queue: str, worker: str) -> None:
        """Say that it stops, so that nobody waits for its silence to tell."""
        with store_errors():
            self._client.zrem(keys.workers(queue), worker)

    def consumers(self, queues: Sequence[str] = tuple(Queue)) -> Mapping[str, Consumers]:
        """The live workers of each queue."""
        with store_errors():
            return _consumers(queues, self._look(**_look_at(queues)))

    def is_restrained(self, queue: str) -> bool:
        return self.consumers((queue,))[queue].is_restrained


class RedisReadiness:
    """The API's side: is there Redis, and a live worker for each queue that takes messages?"""

    def __init__(self, client: "redis.asyncio.Redis", queues: Sequence[str] = tuple(Queue)) -> None:
        self._queues = queues
        self._look = client.register_script(source("look_at_workers"))

    async def missing(self) -> list[str]:
        try:
            consumers = await self._consumers()
        except StoreUnavailable:
            return ["redis"]
        return [
            f"worker:{queue} is paused" if of.alive else f"worker:{queue}"
            for queue, of in consumers.items()
            if of.is_paused or not of.alive
        ]

    async def rate_limits(self) -> Mapping[str, str]:
        consumers = await self._consumers()
        return {task: rate for of in consumers.values() for task, rate in of.rate_limits.items()}

    async def _consumers(self) -> Mapping[str, Consumers]:
        async with store_deadline():
            return _consumers(self._queues, await self._look(**_look_at(self._queues)))


def _look_at(queues: Sequence[str]) -> dict[str, Any]:
    """What `look_at_workers.lua` takes."""
    of_queues = [(keys.workers(queue), keys.restraints(queue)) for queue in queues]
    return {
        "keys": [key for pair in of_queues for key in pair],
        "args": [keys.WORKER_TTL_S * 1000],
    }


def _consumers(queues: Sequence[str], reply: Sequence[Sequence[Any]]) -> dict[str, Consumers]:
    return {
        queue: Consumers.of(alive, [Restraints(**json.loads(text)) for text in told])
        for queue, (alive, *told) in zip(queues, reply, strict=True)
    }
