"""Notifications: recorded, delivered at least once and normally once, or given up."""

import pytest

from shop.domain.errors import (
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryRefused,
    SenderRefused,
    StoreUnavailable,
)
from shop.domain.notification import PAUSE_FIRST_S, NotificationStatus
from shop.domain.order import Reason
from shop.domain.work import Job, TaskName
from shop.services.notifying import (
    BACKOFF_BASE_S,
    BACKOFF_CAP_S,
    INVOICE_LOOKS,
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
    FakeOrderBook,
    FakePublisher,
    FakeStore,
)
from tests.builders import ANN, a_mail, a_notification, an_order, follow_ups


@pytest.fixture
def mailer() -> FakeMailer:
    return FakeMailer()


@pytest.fixture
def notifier(store: FakeStore, mailer: FakeMailer) -> Notifier:
    return Notifier(FakeNotificationBook(store), mailer)


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


class TestMailServer:
    """What it says of a mail, and of the sender as a whole."""

    def test_its_reply_is_counted(
        self, notifier: Notifier, store: FakeStore, mailer: FakeMailer
    ) -> None:
        notifier.deliver(a_notification(), "task-1", "one")
        mailer.failure = DeliveryFailed("451 later", code=451)
        notifier.deliver(a_notification(), "task-2", "one")
        mailer.failure = DeliveryFailed("ConnectionRefusedError")
        notifier.deliver(a_notification(), "task-3", "one")

        assert store.counts["metrics:mail"] == {"250": 1, "451": 1, "none": 1}

    def test_what_it_refuses_for_good_is_given_up_at_once_with_code_and_text(
        self, notifier: Notifier, store: FakeStore, mailer: FakeMailer
    ) -> None:
        mailer.failure = DeliveryRefused("550 5.1.1 No such user", code=550)

        status = notifier.deliver(a_notification(), "task-1", "one")

        assert status is NotificationStatus.FAILED
        assert store.notifications["task-1"].reason == "550 5.1.1 No such user"
        assert store.notifications_open == {}
        assert set(store.notifications_dead) == {"task-1"}
        assert store.counts["metrics:mail"] == {"550": 1}

    def test_when_it_wants_fewer_mails_no_attempt_is_spent_and_the_others_wait(
        self, notifier: Notifier, store: FakeStore, mailer: FakeMailer
    ) -> None:
        mailer.failure = SenderRefused("450 Too many mails", code=450)
        tried: list[str] = []
        mailer.meanwhile = lambda: tried.append("a mail")

        assert notifier.deliver(a_notification(), "task-0", "one") is NotificationStatus.PENDING
        for number in range(1, 300):
            assert notifier.deliver(a_notification(), f"task-{number}", "one") is None

        assert len(tried) == 1
        assert {row.attempts for row in store.notifications.values()} == {0}
        assert len(store.notifications_open) == 300
        assert min(store.notifications_open.values()) >= store.clock.now_ms + PAUSE_FIRST_S * 1000

    def test_30_mails_a_minute_are_enough_for_300(
        self, notifier: Notifier, store: FakeStore, mailer: FakeMailer
    ) -> None:
        book = FakeNotificationBook(store)
        window: list[int] = []

        def limited() -> None:
            now_ms = store.clock.now_ms
            window[:] = [at_ms for at_ms in window if at_ms > now_ms - 60_000]
            mailer.failure = None
            if len(window) >= 30:
                mailer.failure = SenderRefused("450 4.7.1 Too many mails", code=450)
            else:
                window.append(now_ms)

        mailer.meanwhile = limited
        refused = 0
        for number in range(300):
            notifier.deliver(a_notification(), f"task-{number}", "first")
        for second in range(1_200):
            store.clock.advance(1_000)
            for claimed in book.claim_lost("priority", queue_is_idle=True, limit=1_000).records:
                delivery_id = f"{claimed.task_id}-{second}"
                status = notifier.deliver(a_notification(), claimed.task_id, delivery_id)
                refused += status is NotificationStatus.PENDING

        assert len(mailer.delivered) == 300
        assert store.counts["metrics:notifications"]["delivered"] == 300
        # An attempt each, however often the server asked to slow down.
        assert {row.attempts for row in store.notifications.values()} == {1}
        # It was asked again a few times a minute.
        assert refused < 15 * 10

    def test_one_that_found_no_connection_lets_the_others_try(
        self, notifier: Notifier, store: FakeStore, mailer: FakeMailer
    ) -> None:
        mailer.failure = DeliveryDeferred("no connection was free")
        notifier.deliver(a_notification(), "task-1", "one")
        mailer.failure = None

        status = notifier.deliver(a_notification(), "task-2", "one")

        assert status is NotificationStatus.DELIVERED
        assert store.notifications["task-1"].attempts == 0

    def test_what_would_be_put_off_for_ever_is_given_up_in_the_end(
        self, notifier: Notifier, store: FakeStore, mailer: FakeMailer
    ) -> None:
        mailer.failure = SenderRefused("450 Never", code=450)
        began_ms = store.clock.now_ms

        for number in range(1_000):
            if "task-1" not in store.notifications_open and number:
                break
            notifier.deliver(a_notification(), "task-1", f"delivery-{number}")
            store.clock.now_ms = store.notifications_open.get("task-1", store.clock.now_ms)

        assert store.notifications["task-1"].status == "failed"
        assert store.notifications["task-1"].reason == "450 Never"
        assert 12 * 3_600_000 < store.clock.now_ms - began_ms < 36 * 3_600_000


class TestInvoice:
    @pytest.fixture
    def mailer(self) -> FakeMailer:
        return FakeMailer()

    @pytest.fixture
    def orders(self, store: FakeStore) -> FakeOrderBook:
        """With one that is processed, and the notification of it."""
        store.stock["SKU-1"] = "3"
        orders = FakeOrderBook(store)
        orders.begin(an_order(), "task-of-order", "one")
        orders.settle("1001", "SKU-1", follow_ups(an_order()))
        return orders

    @pytest.fixture
    def notifier(self, store: FakeStore, mailer: FakeMailer) -> Notifier:
        return Notifier(FakeNotificationBook(store), mailer, attach_invoices=True)

    def deliver(self, notifier: Notifier, delivery_id: str) -> NotificationStatus | None:
        return notifier.deliver(a_notification(), "notice-of-1001", delivery_id)

    def test_it_is_attached_to_the_mail_about_its_order(
        self, notifier: Notifier, mailer: FakeMailer, orders: FakeOrderBook
    ) -> None:
        orders.store_invoice("1001", b"%PDF")

        assert self.deliver(notifier, "one") is NotificationStatus.DELIVERED
        assert mailer.delivered == [a_mail("notice-of-1001", order_id="1001", invoice=b"%PDF")]

    def test_the_mail_waits_for_it_and_no_attempt_is_spent(
        self, notifier: Notifier, mailer: FakeMailer, orders: FakeOrderBook, store: FakeStore
    ) -> None:
        assert self.deliver(notifier, "one") is None

        assert mailer.delivered == []
        assert store.notifications["notice-of-1001"].attempts == 0
        orders.store_invoice("1001", b"%PDF")
        assert self.deliver(notifier, "two") is NotificationStatus.DELIVERED
        assert mailer.delivered[0].invoice == b"%PDF"

    def test_after_about_a_minute_it_goes_out_without(
        self, notifier: Notifier, mailer: FakeMailer, orders: FakeOrderBook, store: FakeStore
    ) -> None:
        began_ms, looks = store.clock.now_ms, 0
        while self.deliver(notifier, f"delivery-{looks}") is None:
            looks += 1
            store.clock.now_ms = store.notifications_open["notice-of-1001"]

        assert looks == INVOICE_LOOKS
        assert 50_000 < store.clock.now_ms - began_ms < 70_000
        assert mailer.delivered == [a_mail("notice-of-1001", order_id="1001")]

    def test_one_that_was_given_up_is_not_waited_for(
        self, notifier: Notifier, mailer: FakeMailer, orders: FakeOrderBook
    ) -> None:
        orders.bury("1001", Reason.INVOICE_ATTEMPTS_EXHAUSTED)

        assert self.deliver(notifier, "one") is NotificationStatus.DELIVERED
        assert mailer.delivered[0].invoice is None

    def test_without_the_setting_nothing_waits(
        self, store: FakeStore, mailer: FakeMailer, orders: FakeOrderBook
    ) -> None:
        notifier = Notifier(FakeNotificationBook(store), mailer)

        assert self.deliver(notifier, "one") is NotificationStatus.DELIVERED
        assert mailer.delivered == [a_mail("notice-of-1001", order_id="1001")]

    def test_a_notification_of_no_order_does_not_wait(
        self, notifier: Notifier, mailer: FakeMailer
    ) -> None:
        notifier.deliver(a_notification(), "task-1", "one")

        assert mailer.delivered == [a_mail()]


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
