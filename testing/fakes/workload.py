"""How much work there is, in memory: `WorkloadGauge` and `QueueGauge`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shop.domain.errors import StoreUnavailable
from shop.domain.work import Queue, Workload
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


@dataclass
class FakeQueueGauge:
    """As much as it is told waits."""

    waiting: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(Queue, 0))
    #: False: the broker is away.
    available: bool = True

    async def depths(self) -> Mapping[str, int]:
        if not self.available:
            raise StoreUnavailable("the fake broker is switched off")
        return self.waiting
