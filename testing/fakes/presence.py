"""Which workers are alive, in memory: what `RedisPresence` does, and `Readiness`."""

from collections.abc import Mapping, Sequence

from shop.adapters.redis.keys import WORKER_TTL_S
from shop.adapters.redis.presence import UNRESTRAINED
from shop.domain.errors import StoreUnavailable
from shop.domain.work import Consumers, Queue, Restraints
from testing.fakes.store import FakeStore


class FakePresence:
    """A worker's side."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def beat(self, queue: str, worker: str, restraints: Restraints = UNRESTRAINED) -> None:
        with self._store.step() as now_ms:
            self._store.workers.setdefault(queue, {})[worker] = now_ms
            self._store.restraints[queue, worker] = restraints

    def leave(self, queue: str, worker: str) -> None:
        with self._store.step():
            self._store.workers.get(queue, {}).pop(worker, None)

    def consumers(self, queues: Sequence[str] = tuple(Queue)) -> Mapping[str, Consumers]:
        return _consumers(self._store, queues)

    def is_restrained(self, queue: str) -> bool:
        return self.consumers((queue,))[queue].is_restrained


class FakeReadiness:
    """The API's side."""

    def __init__(self, store: FakeStore, queues: Sequence[str] = tuple(Queue)) -> None:
        self._store = store
        self._queues = queues

    async def missing(self) -> list[str]:
        try:
            consumers = _consumers(self._store, self._queues)
        except StoreUnavailable:
            return ["redis"]
        return [
            f"worker:{queue} is paused" if of.alive else f"worker:{queue}"
            for queue, of in consumers.items()
            if of.is_paused or not of.alive
        ]

    async def rate_limits(self) -> Mapping[str, str]:
        consumers = _consumers(self._store, self._queues)
        return {task: rate for of in consumers.values() for task, rate in of.rate_limits.items()}


def _consumers(store: FakeStore, queues: Sequence[str]) -> Mapping[str, Consumers]:
    with store.step() as now_ms:
        alive = {
            queue: [
                worker
                for worker, beat_ms in store.workers.get(queue, {}).items()
                if beat_ms >= now_ms - WORKER_TTL_S * 1000
            ]
            for queue in queues
        }
        return {
            queue: Consumers.of(
                len(workers), [store.restraints[queue, worker] for worker in workers]
            )
            for queue, workers in alive.items()
        }
