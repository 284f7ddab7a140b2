"""Leases of deliveries that take long."""

import threading
from collections.abc import Callable

import pytest

from shop.domain.errors import StoreUnavailable
from shop.services.leases import LeaseRenewer
from shop.services.notifying import Notifier
from testing.fakes import FakeMailer, FakeNotificationBook, FakeStore
from testing.waiting import wait_for
from tests.builders import a_notification

EVERY_S = 0.01


class Asked:
    """Who was asked to renew what; the first of them may fail."""

    def __init__(self, *outcomes: bool | Exception) -> None:
        self.calls: list[tuple[str, str]] = []
        self._outcomes = list(outcomes)

    def __call__(self, task_id: str, delivery_id: str) -> bool:
        self.calls.append((task_id, delivery_id))
        outcome = self._outcomes.pop(0) if self._outcomes else True
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def more_than(asked: Asked, count: int) -> Callable[[], bool]:
    return lambda: len(asked.calls) > count


def test_what_is_held_is_renewed_again_and_again() -> None:
    asked = Asked()
    leases = LeaseRenewer(asked, every_s=EVERY_S)

    with leases.holding("task-1", "one"), leases.holding("task-2", "two"):
        wait_for("both are renewed twice", more_than(asked, 3), within_s=30)

    assert set(asked.calls) == {("task-1", "one"), ("task-2", "two")}


def test_a_store_that_is_away_is_asked_again() -> None:
    asked = Asked(StoreUnavailable("away"), False)
    leases = LeaseRenewer(asked, every_s=EVERY_S)

    with leases.holding("task-1", "one"):
        wait_for("it is renewed after all", more_than(asked, 2), within_s=30)


def test_what_nobody_foresaw_does_not_end_the_thread(caplog: pytest.LogCaptureFixture) -> None:
    asked = Asked(RuntimeError("broken"))
    leases = LeaseRenewer(asked, every_s=EVERY_S)

    with leases.holding("task-1", "one"):
        wait_for("it is renewed after all", more_than(asked, 2), within_s=30)
    assert "the lease of notification task-1 is not renewed" in caplog.text


def test_the_thread_is_there_only_while_something_is_held() -> None:
    def is_there() -> bool:
        return any(thread.name == "leases" for thread in threading.enumerate())

    asked = Asked()
    leases = LeaseRenewer(asked, every_s=EVERY_S)
    for _ in range(2):
        with leases.holding("task-1", "one"):
            wait_for("it is renewed", more_than(asked, len(asked.calls)), within_s=30)
            assert is_there()
        wait_for("it ends", lambda: not is_there(), within_s=30)


def test_what_a_delivery_breaks_off_with_is_not_held_any_more() -> None:
    leases = LeaseRenewer(Asked(), every_s=EVERY_S)
    try:
        with leases.holding("task-1", "one"):
            raise SystemExit
    except SystemExit:
        pass

    assert not leases._due_s


def test_a_delivery_that_outlasts_its_lease_keeps_it() -> None:
    """A server may take ten minutes to say that it has the mail."""
    store = FakeStore()
    book, mailer = FakeNotificationBook(store), FakeMailer(lease_s=20.0)
    notifier = Notifier(book, mailer)
    notifier._leases = LeaseRenewer(lambda *ids: book.renew(*ids, mailer.lease_s), every_s=EVERY_S)
    claimed: list[str] = []

    def slow() -> None:
        for _ in range(40):
            store.clock.advance(15_000)
            due_ms = store.clock.now_ms + 20_000
            wait_for(
                "it is renewed",
                lambda due_ms=due_ms: store.notifications_open["task-1"] > due_ms,  # type: ignore[misc]
                within_s=30,
            )
            claim = book.claim_lost("priority", queue_is_idle=True, limit=9)
            claimed.extend(record.task_id for record in claim.records)

    mailer.meanwhile = slow
    notifier.deliver(a_notification(), "task-1", "one")

    assert claimed == []
    assert len(mailer.delivered) == 1


def test_a_mailer_without_a_lease_needs_no_renewal() -> None:
    mailer = FakeMailer(lease_s=0.0)
    notifier = Notifier(FakeNotificationBook(FakeStore()), mailer)
    held: list[int] = []
    mailer.meanwhile = lambda: held.append(len(notifier._leases._due_s))

    notifier.deliver(a_notification(), "task-1", "one")

    assert held == [0]
    assert len(mailer.delivered) == 1
