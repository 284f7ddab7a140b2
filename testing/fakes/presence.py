"""Which workers are alive, in memory: what `RedisPresence` does, and `Readiness`."""

from collections.abc import Sequence

from shop.adapters.redis.keys import WORKER_TTL_S
from shop.domain.errors import StoreUnavailable
from shop.domain.work import Queue
from testing.fakes.store import FakeStore


class FakePresence:
    """A worker's side."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def beat(self, queue: str, worker: str) -> None:
        with self._store.step() as now_ms:
            self._store.workers.setdefault(queue, {})[worker] = now_ms

    def leave(self, queue: str, worker: str) -> None:
        with self._store.step():
            self._store.workers.get(queue, {}).pop(worker, None)


class FakeReadiness:
    """The API's side."""

    def __init__(self, store: FakeStore, queues: Sequence[str] = tuple(Queue)) -> None:
        self._store = store
        self._queues = queues

    async def missing(self) -> list[str]:
        try:
            with self._store.step() as now_ms:
                return [
                    f"worker:{queue}"
                    for queue in self._queues
                    if not any(
                        beat_ms >= now_ms - WORKER_TTL_S * 1000
                        for beat_ms in self._store.workers.get(queue, {}).values()
                    )
                ]
        except StoreUnavailable:
            return ["redis"]
