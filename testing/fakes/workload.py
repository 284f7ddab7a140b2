"""How much work there is and was, in memory: `WorkloadGauge`, `QueueGauge`, `Tallies`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shop.adapters.redis.tally import tally_of
from shop.domain.errors import StoreUnavailable
from shop.domain.tally import Tally
from shop.domain.work import Queue, Waiting, Workload
from testing.fakes.store import FakeStore


class FakeWorkloadGauge:
    """What a `FakeStore` holds."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    async def read(self) -> Workload:
        store = self._store
        with store.step():
            return Workload(
                len(store.orders_open), len(store.notifications_open), len(store.orders_dead)
            )


class FakeTallies:
    """What was counted in a `FakeStore`."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    async def read(self) -> Tally:
        with self._store.step():
            counts = {
                key: {name: str(number) for name, number in counted.items()}
                for key, counted in self._store.counts.items()
            }
            return tally_of(counts, self._store.audit)


@dataclass
class FakeQueueGauge:
    """As much as it is told waits."""

    waiting: Mapping[str, Waiting] = field(default_factory=lambda: dict.fromkeys(Queue, Waiting(0)))
    #: False: the broker is away.
    available: bool = True

    async def read(self) -> Mapping[str, Waiting]:
        if not self.available:
            raise StoreUnavailable("the fake broker is switched off")
        return self.waiting
