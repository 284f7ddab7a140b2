"""Notifications: recorded, delivered at least once and normally once, or given up."""

import pytest

from shop.domain.errors import DeliveryFailed, StoreUnavailable
from shop.domain.notification import NotificationStatus
from shop.domain.work import Job, TaskName
from shop.services.notifying import (
    BACKOFF_BASE_S,
    BACKOFF_CAP_S,
    MAX_ATTEMPTS,
    NotificationDesk,
    Notifier,
    backoff_s,
)
from testing.fakes import (
    FakeAsyncPublisher,
    FakeMailer,
    FakeNotificationBook,
    FakeNotificationIntake,
    FakePublisher,
    FakeStore,
)
from tests.builders import ANN, a_mail, a_notification


class TestDesk:
    @pytest.fixture
    def desk(self, store: FakeStore, publisher: FakePublisher) -> NotificationDesk:
        return NotificationDesk(FakeNotificationIntake(store), FakeAsyncPublisher(publisher))

    async def test_it_is_recorded_and_published(
        self, desk: NotificationDesk, store: FakeStore, publisher: FakePublisher
    ) -> None:
        task_id = await desk.send(a_notification(message="Hello"))

        assert publisher.jobs == [
            Job(TaskName.SEND_NOTIFICATION, (ANN, "Hello"), task_id, store.clock.now_ms)
        ]
        assert set(store.notifications_open) == {task_id}

    async def test_twice_is_two_notifications(self, desk: NotificationDesk) -> None:
        assert await desk.send(a_notification()) != await desk.send(a_notification())

    async def test_it_stands_though_its_publication_failed(
        self, desk: NotificationDesk, store: FakeStore, publisher: FakePublisher
    ) -> None:
        publisher.failing = True

        task_id = await desk.send(a_notification())

        assert set(store.notifications_open) == {task_id}

    async def test_without_the_store_nothing_is_published(
        self, desk: NotificationDesk, store: FakeStore, publisher: FakePublisher
    ) -> None:
        store.available = False

        with pytest.raises(StoreUnavailable):
            await desk.send(a_notification())

        assert publisher.jobs == []


class TestNotifier:
    @pytest.fixture
    def mailer(self) -> FakeMailer:
        return FakeMailer()

    @pytest.fixture
    def notifier(self, store: FakeStore, mailer: FakeMailer) -> Notifier:
        return Notifier(FakeNotificationBook(store), mailer)

    def test_it_is_delivered(
        self, notifier: Notifier, store: FakeStore, mailer: FakeMailer
    ) -> None:
        status = notifier.deliver(a_notification(), "task-1", "one")

        assert status is NotificationStatus.DELIVERED
        assert mailer.delivered == [a_mail()]
        assert store.notifications_open == {}

    def test_once_delivered_it_is_not_sent_again(
        self, notifier: Notifier, mailer: FakeMailer
    ) -> None:
        notifier.deliver(a_notification(), "task-1", "one")

        status = notifier.deliver(a_notification(), "task-1", "two")

        assert status is NotificationStatus.DELIVERED
        assert len(mailer.delivered) == 1

    def test_a_failure_is_left_to_the_sweep_for_later(
        self, notifier: Notifier, store: FakeStore, mailer: FakeMailer
    ) -> None:
        mailer.failure = DeliveryFailed("SMTPServerDisconnected")

        status = notifier.deliver(a_notification(), "task-1", "one")

        assert status is NotificationStatus.PENDING
        row = store.notifications["task-1"]
        assert (row.status, row.reason) == ("pending", "SMTPServerDisconnected")
        pause_ms = store.notifications_open["task-1"] - store.clock.now_ms
        assert BACKOFF_BASE_S * 500 <= pause_ms <= BACKOFF_BASE_S * 1_000

    def test_it_is_delivered_once_the_server_is_back(
        self, notifier: Notifier, mailer: FakeMailer
    ) -> None:
        mailer.failure = DeliveryFailed("SMTPServerDisconnected")
        notifier.deliver(a_notification(), "task-1", "one")
        mailer.failure = None

        status = notifier.deliver(a_notification(), "task-1", "two")

        assert status is NotificationStatus.DELIVERED
        assert len(mailer.delivered) == 1

    def test_a_delivery_that_comes_while_another_is_under_way_sends_nothing(
        self, notifier: Notifier, store: FakeStore, mailer: FakeMailer
    ) -> None:
        """As when a connection is lost, and the broker gives what is in hand to somebody else."""
        mailer.lease_s = 20.0
        seen: list[NotificationStatus | None] = []

        def meanwhile() -> None:
            if not seen:
                seen.append(notifier.deliver(a_notification(), "task-1", "two"))

        mailer.meanwhile = meanwhile

        status = notifier.deliver(a_notification(), "task-1", "one")

        assert seen == [None]
        assert status is NotificationStatus.DELIVERED
        assert len(mailer.delivered) == 1
        assert store.notifications_open == {}

    def test_after_the_last_attempt_it_is_given_up(
        self, notifier: Notifier, store: FakeStore, mailer: FakeMailer
    ) -> None:
        mailer.failure = DeliveryFailed("SMTPRecipientsRefused")

        statuses = [
            notifier.deliver(a_notification(), "task-1", f"delivery-{number}")
            for number in range(MAX_ATTEMPTS)
        ]

        assert set(statuses[:-1]) == {NotificationStatus.PENDING}
        assert statuses[-1] is NotificationStatus.FAILED
        assert store.notifications["task-1"].reason == "SMTPRecipientsRefused"
        assert store.notifications_open == {}
        assert set(store.notifications_dead) == {"task-1"}

    def test_once_given_up_it_is_not_sent_again(
        self, notifier: Notifier, store: FakeStore, mailer: FakeMailer
    ) -> None:
        book = FakeNotificationBook(store)
        book.begin(a_notification(), "task-1", "one")
        book.bury("task-1", "refused")

        assert notifier.deliver(a_notification(), "task-1", "two") is NotificationStatus.FAILED
        assert mailer.delivered == []

    def test_one_whose_delivery_kills_its_process_is_given_up_unsent(
        self, notifier: Notifier, store: FakeStore, mailer: FakeMailer
    ) -> None:
        book = FakeNotificationBook(store)
        for number in range(MAX_ATTEMPTS):
            book.begin(a_notification(), "task-1", f"killed-{number}")

        status = notifier.deliver(a_notification(), "task-1", "one-too-many")

        assert status is NotificationStatus.FAILED
        assert mailer.delivered == []

    def test_without_the_store_nothing_is_sent(
        self, notifier: Notifier, store: FakeStore, mailer: FakeMailer
    ) -> None:
        store.available = False

        with pytest.raises(StoreUnavailable):
            notifier.deliver(a_notification(), "task-1", "one")

        assert mailer.delivered == []


class TestBackoff:
    def test_it_doubles_up_to_its_cap_and_half_of_it_is_jitter(self) -> None:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            ceiling_s = min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2.0 ** (attempt - 1))
            pauses_s = [backoff_s(attempt) for _ in range(50)]
            assert all(ceiling_s / 2 <= pause_s <= ceiling_s for pause_s in pauses_s)
            assert len(set(pauses_s)) > 1

    def test_all_pauses_together_come_to_about_an_hour(self) -> None:
        longest_s = sum(
            min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2.0 ** (attempt - 1))
            for attempt in range(1, MAX_ATTEMPTS)
        )

        assert 50 * 60 <= longest_s <= 70 * 60
