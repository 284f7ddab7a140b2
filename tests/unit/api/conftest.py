"""The API over tiny fakes of the ports that it reaches."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from shop.api.app import create_api
from shop.bootstrap import ApiServices
from shop.domain.errors import OrderConflict, PublishFailed, StoreUnavailable
from shop.domain.notification import Notification
from shop.domain.order import Order, OrderRecord, OrderStatus, Placement
from shop.domain.tally import Tally
from shop.domain.work import Job, TaskReport, Waiting, Workload
from shop.services.notifying import NotificationDesk
from shop.services.ordering import OrderDesk
from shop.settings import Settings

#: 2026-01-01T00:00:00.005Z
NOW_MS = 1_767_225_600_005


class FakeStore:
    """Everything that the API records or looks up, in dicts; it counts how often it is asked."""

    def __init__(self) -> None:
        self.orders: dict[str, OrderRecord] = {}
        self.invoices: dict[str, bytes] = {}
        self.notifications: dict[str, Notification] = {}
        self.tasks: dict[str, TaskReport] = {}
        self.calls = 0
        #: Raised by every call, when set.
        self.failure: Exception | None = None
        #: Awaited by every call, when set.
        self.delay: Callable[[], AbstractAsyncContextManager[None]] | None = None

    async def touch(self) -> None:
        self.calls += 1
        if self.delay is not None:
            async with self.delay():
                pass
        if self.failure is not None:
            raise self.failure


class FakeOrderIntake:
    def __init__(self, store: FakeStore) -> None:
        self._store = store

    async def place(self, order: Order, task_id: str) -> Placement:
        await self._store.touch()
        known = self._store.orders.get(order.id)
        if known is None:
            self._store.orders[order.id] = OrderRecord(
                order_id=order.id,
                item=order.item,
                qty=order.qty,
                email=order.email,
                task_id=task_id,
                status=OrderStatus.PENDING,
                placed_at_ms=NOW_MS,
            )
            return Placement(task_id, True, OrderStatus.PENDING, NOW_MS)
        if (known.item, known.qty, known.email) != (order.item, order.qty, order.email):
            raise OrderConflict(order.id)
        return Placement(known.task_id, False, known.status, known.placed_at_ms)

    async def find(self, order_id: str) -> OrderRecord | None:
        await self._store.touch()
        return self._store.orders.get(order_id)

    async def invoice(self, order_id: str) -> bytes | None:
        await self._store.touch()
        return self._store.invoices.get(order_id)


class FakeNotificationIntake:
    def __init__(self, store: FakeStore) -> None:
        self._store = store

    async def place(self, notification: Notification, task_id: str) -> int:
        await self._store.touch()
        self._store.notifications[task_id] = notification
        return NOW_MS


class FakeTaskLookup:
    def __init__(self, store: FakeStore) -> None:
        self._store = store

    async def find(self, task_id: str) -> TaskReport | None:
        await self._store.touch()
        return self._store.tasks.get(task_id)


class FakePublisher:
    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.broken = False

    async def publish(self, job: Job) -> None:
        if self.broken:
            raise PublishFailed("the broker is away")
        self.jobs.append(job)


class FakeReadiness:
    def __init__(self, store: FakeStore) -> None:
        self._store = store
        self.absent: list[str] = []
        self.limits: dict[str, str] = {}

    async def missing(self) -> list[str]:
        await self._store.touch()
        return self.absent

    async def rate_limits(self) -> dict[str, str]:
        await self._store.touch()
        return self.limits


class FakeWorkloadGauge:
    def __init__(self, store: FakeStore) -> None:
        self._store = store

    async def read(self) -> Workload:
        await self._store.touch()
        return Workload(open_orders=7, open_notifications=2, dead_orders=1, dead_messages=3)


class FakeQueueGauge:
    def __init__(self, store: FakeStore) -> None:
        self._store = store
        self.waiting = {"default": Waiting(5, 2.5), "priority": Waiting(0)}
        self.broken = False

    async def read(self) -> Mapping[str, Waiting]:
        await self._store.touch()
        if self.broken:
            raise StoreUnavailable("the broker is away")
        return self.waiting


class FakeTallies:
    def __init__(self, store: FakeStore) -> None:
        self._store = store
        self.tally = Tally()

    async def read(self) -> Tally:
        await self._store.touch()
        return self.tally


@dataclass
class World:
    """What stands behind one API."""

    store: FakeStore = field(default_factory=FakeStore)
    publisher: FakePublisher = field(default_factory=FakePublisher)

    def __post_init__(self) -> None:
        self.readiness = FakeReadiness(self.store)
        self.queues = FakeQueueGauge(self.store)
        self.tallies = FakeTallies(self.store)

    def services(self) -> ApiServices:
        return ApiServices(
            orders=OrderDesk(FakeOrderIntake(self.store), self.publisher),
            notifications=NotificationDesk(FakeNotificationIntake(self.store), self.publisher),
            tasks=FakeTaskLookup(self.store),
            readiness=self.readiness,
            workload=FakeWorkloadGauge(self.store),
            queues=self.queues,
            tallies=self.tallies,
            close=self._close,
        )

    def is_untouched(self) -> bool:
        return self.store.calls == 0 and not self.publisher.jobs

    def break_store(self) -> None:
        self.store.failure = StoreUnavailable("ConnectionError: 10.1.2.3:6379 refused")

    async def _close(self) -> None:
        raise AssertionError("whoever brings the services closes them")


@asynccontextmanager
async def client_of(
    world: World, *, api_key: str | None = None, raise_errors: bool = True
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_api(Settings(api_key=api_key), services=world.services())
    transport = httpx.ASGITransport(app, raise_app_exceptions=raise_errors)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        yield client


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(world) as client:
        yield client


def problem(response: httpx.Response, status: int, slug: str) -> dict[str, object]:
    """The problem document that `response` must be."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-content-type-options"] == "nosniff"
    document: dict[str, object] = response.json()
    assert document["type"] == f"/problems/{slug}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    return document
