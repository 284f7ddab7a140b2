"""What a worker does when Celery tells it of a revoked task."""

from types import SimpleNamespace
from typing import Any

import pytest
from celery import signals

from shop.domain.errors import StoreUnavailable
from shop.services.revocation import RevocationService
from shop.tasks.base import ShopTask
from shop.tasks.revocation import note_revocations
from testing.fakes import FakeNotificationBook, FakeOrderBook, FakeStore, FakeTaskLedger
from tests.builders import ANN, a_notification, an_order


@pytest.fixture
def store() -> FakeStore:
    store = FakeStore()
    FakeOrderBook(store).begin(an_order(), "task-1", "one")
    FakeNotificationBook(store).begin(a_notification(), "notice-1", "one")
    return store


class Revoking:
    """Stands for a worker, which sends Celery's signal with the task that was revoked."""

    def __init__(self, store: FakeStore) -> None:
        self.services = SimpleNamespace(
            revocation=RevocationService(FakeOrderBook(store), FakeNotificationBook(store)),
            ledger=FakeTaskLedger(store),
        )
        note_revocations()

    def task(self, name: str) -> ShopTask:
        found: ShopTask = type("Named", (ShopTask,), {"name": name, "services": self.services})()
        return found


@pytest.fixture
def worker(store: FakeStore) -> Revoking:
    return Revoking(store)


def revoke(worker: Revoking, name: str, task_id: str, *args: Any, **kwargs: Any) -> None:
    """As Celery tells of it."""
    expired = kwargs.pop("expired", False)
    request = SimpleNamespace(id=task_id, args=list(args), kwargs=kwargs)
    replies = signals.task_revoked.send(
        worker.task(name), request=request, terminated=False, signum=None, expired=expired
    )
    for _, reply in replies:
        assert not isinstance(reply, Exception), reply


@pytest.mark.parametrize("call", [(("1001", "SKU-1", 2, ANN), {}), ((), {"order_id": 1001})])
def test_an_orders_task_fails_the_order(worker: Revoking, store: FakeStore, call: Any) -> None:
    args, kwargs = call
    revoke(worker, "process_order", "task-1", *args, **kwargs)

    row = store.orders["1001"]
    assert (row.status, row.reason) == ("failed", "revoked")
    assert store.tasks["task-1"].finished_at_ms is not None


def test_a_notifications_task_gives_it_up(worker: Revoking, store: FakeStore) -> None:
    revoke(worker, "send_notification", "notice-1", ANN, "Your parcel is here.")

    row = store.notifications["notice-1"]
    assert (row.status, row.reason) == ("failed", "revoked")
    assert store.notifications_open == {}


def test_what_has_expired_was_not_revoked(worker: Revoking, store: FakeStore) -> None:
    revoke(worker, "process_order", "task-1", "1001", "SKU-1", 2, ANN, expired=True)

    assert store.orders["1001"].status == "pending"


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("process_order", [{}]),
        ("process_order", []),
        ("process_order", ["../1001"]),
        ("process_order", ["unknown"]),
        ("generate_invoice", ["1001"]),
        ("audit_stock", []),
    ],
)
def test_what_is_about_nothing_that_is_owed_changes_nothing(
    worker: Revoking, store: FakeStore, name: str, args: list[Any]
) -> None:
    revoke(worker, name, "task-1", *args)

    assert store.orders["1001"].status == "pending"
    assert set(store.orders_open) == {"1001"}


def test_a_store_that_is_away_is_told_when_the_sweep_has_sent_it_again(
    worker: Revoking, store: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.available = False
    revoke(worker, "process_order", "task-1", "1001", "SKU-1", 2, ANN)
    assert "waits for the store" in caplog.text
    assert store.orders["1001"].status == "pending"

    store.available = True
    lost = FakeOrderBook(store)
    store.clock.advance(60_000)
    (record,) = lost.claim_lost("default", queue_is_idle=True, limit=10).records
    revoke(worker, "process_order", record.message_id or record.task_id, record.order_id)
    assert store.orders["1001"].reason == "revoked"


def test_the_service_says_when_the_store_is_away() -> None:
    away = FakeStore(available=False)
    service = RevocationService(FakeOrderBook(away), FakeNotificationBook(away))
    with pytest.raises(StoreUnavailable):
        service.revoke("process_order", "task-1", "1001")
