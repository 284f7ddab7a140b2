"""`NotificationIntake` and `NotificationBook`: owed until delivered, or given up."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from shop.domain.notification import (
    BegunNotification,
    InvoiceForMail,
    NotificationRecord,
    NotificationStatus,
)
from shop.domain.order import Reason
from shop.domain.work import TaskName
from tests.builders import ANN, a_notification, an_order, follow_ups
from tests.contract.backends import OVERDUE_AFTER_MS, Backend, Ports

PENDING = NotificationRecord(
    "task-1", ANN, "Your parcel is here.", NotificationStatus.PENDING, 0, None
)
LEASE_MS = 20_000


def lost(ports: Ports) -> list[str]:
    claim = ports.notifications.claim_lost("priority", queue_is_idle=True, limit=10)
    return [record.task_id for record in claim.records]


class TestPlaced:
    async def test_it_is_owed_and_issued_by_the_stores_clock(
        self, ports: Ports, backend: Backend
    ) -> None:
        before_ms = backend.now_ms()

        at_ms = await ports.notification_intake.place(a_notification(), "task-1")

        assert before_ms <= at_ms <= backend.now_ms()
        assert ports.notifications.find("task-1") == PENDING
        assert backend.open_notifications() == {"task-1"}
        issued = await ports.lookup.find("task-1")
        assert issued is not None
        assert (issued.task, issued.timings.enqueued_at_ms) == ("send_notification", at_ms)

    async def test_again_it_is_the_same(self, ports: Ports) -> None:
        await ports.notification_intake.place(a_notification(), "task-1")
        ports.notifications.begin(a_notification(), "task-1", "one")
        before = ports.notifications.find("task-1")

        await ports.notification_intake.place(a_notification(), "task-1")

        assert ports.notifications.find("task-1") == before

    async def test_text_of_any_script_is_kept(self, ports: Ports) -> None:
        message = "Ваш заказ в пути\n\u202eשלום\u202c 🚚\t'\"\\"
        await ports.notification_intake.place(a_notification(message=message), "task-1")

        record = ports.notifications.find("task-1")
        assert record is not None
        assert record.message == message


class TestBegun:
    async def test_each_delivery_counts_once(self, ports: Ports) -> None:
        await ports.notification_intake.place(a_notification(), "task-1")

        for delivery_id, attempts in [("one", 1), ("one", 1), ("two", 2)]:
            begun = ports.notifications.begin(a_notification(), "task-1", delivery_id)
            assert begun == BegunNotification("pending", attempts)

    def test_one_sent_by_hand_is_recorded(self, ports: Ports, backend: Backend) -> None:
        assert ports.notifications.begin(a_notification(), "task-1", "one") == BegunNotification(
            "pending", 1
        )

        record = ports.notifications.find("task-1")
        assert record is not None
        assert (record.email, record.message) == (ANN, "Your parcel is here.")
        assert backend.open_notifications() == {"task-1"}


class TestInHand:
    """A delivery that has a lease is not joined by another."""

    def test_another_delivery_is_told_and_changes_nothing(
        self, ports: Ports, backend: Backend
    ) -> None:
        assert begin(ports, "one") == BegunNotification("pending", 1)

        assert begin(ports, "two") == BegunNotification("in_hand", 1)
        # As a client repeats itself whose reply was lost.
        assert begin(ports, "one") == BegunNotification("pending", 1)

        backend.pass_time(LEASE_MS + OVERDUE_AFTER_MS)
        assert lost(ports) == ["task-1"]

    def test_when_the_lease_has_ended_another_one_begins(
        self, ports: Ports, backend: Backend
    ) -> None:
        begin(ports, "one")
        backend.pass_time(LEASE_MS)

        assert begin(ports, "two") == BegunNotification("pending", 2)
        assert begin(ports, "one") == BegunNotification("in_hand", 2)

    def test_when_it_has_failed_another_one_begins(self, ports: Ports) -> None:
        begin(ports, "one")
        ports.notifications.postpone("task-1", 60.0, "the server is away")

        assert begin(ports, "two") == BegunNotification("pending", 2)

    def test_when_it_has_succeeded_there_is_nothing_to_begin(self, ports: Ports) -> None:
        begin(ports, "one")
        ports.notifications.delivered("task-1")

        assert begin(ports, "two") == BegunNotification("delivered", 1)

    def test_of_many_at_once_one_begins(self, ports: Ports) -> None:
        with ThreadPoolExecutor(20) as threads:
            begun = list(threads.map(lambda number: begin(ports, f"number-{number}"), range(20)))

        assert Counter(found.status for found in begun) == {"pending": 1, "in_hand": 19}


def begin(ports: Ports, delivery_id: str) -> BegunNotification:
    return ports.notifications.begin(
        a_notification(), "task-1", delivery_id, lease_s=LEASE_MS / 1000
    )


class TestDelivered:
    def test_nothing_is_owed_any_more(self, ports: Ports, backend: Backend) -> None:
        ports.notifications.begin(a_notification(), "task-1", "one")

        ports.notifications.delivered("task-1")
        ports.notifications.delivered("task-1")

        record = ports.notifications.find("task-1")
        assert record is not None
        assert record.status is NotificationStatus.DELIVERED
        assert backend.open_notifications() == set()
        assert ports.notifications.begin(a_notification(), "task-1", "two") == BegunNotification(
            "delivered", 1
        )
        assert backend.open_notifications() == set()

    def test_it_can_be_neither_postponed_nor_given_up(self, ports: Ports, backend: Backend) -> None:
        ports.notifications.begin(a_notification(), "task-1", "one")
        ports.notifications.delivered("task-1")
        before = ports.notifications.find("task-1")

        ports.notifications.postpone("task-1", 1.0, "too late")
        ports.notifications.bury("task-1", "too late")

        assert ports.notifications.find("task-1") == before
        assert backend.open_notifications() == backend.dead_notifications() == set()


class TestPostponed:
    def test_it_is_sent_again_not_before_the_delay_has_passed(
        self, ports: Ports, backend: Backend
    ) -> None:
        ports.notifications.begin(a_notification(), "task-1", "one")

        ports.notifications.postpone("task-1", 60.5, "the server is away")

        record = ports.notifications.find("task-1")
        assert record is not None
        assert record.status is NotificationStatus.PENDING
        assert record.reason == "the server is away"
        backend.pass_time(60_000)
        assert lost(ports) == []
        backend.pass_time(500)
        assert lost(ports) == ["task-1"]

    def test_one_that_is_not_there_stays_so(self, ports: Ports, backend: Backend) -> None:
        ports.notifications.postpone("task-1", 1.0, "the server is away")

        assert ports.notifications.find("task-1") is None
        assert backend.open_notifications() == set()


class TestGivenUp:
    def test_it_is_dead_with_its_reason(self, ports: Ports, backend: Backend) -> None:
        ports.notifications.begin(a_notification(), "task-1", "one")

        ports.notifications.bury("task-1", "no such mailbox")
        ports.notifications.bury("task-1", "again")

        record = ports.notifications.find("task-1")
        assert record is not None
        assert record.status is NotificationStatus.FAILED
        assert record.reason == "no such mailbox"
        assert backend.open_notifications() == set()
        assert backend.dead_notifications() == {"task-1"}
        backend.pass_time(OVERDUE_AFTER_MS)
        assert lost(ports) == []

    def test_it_is_not_delivered_afterwards(self, ports: Ports, backend: Backend) -> None:
        ports.notifications.begin(a_notification(), "task-1", "one")
        ports.notifications.bury("task-1", "no such mailbox")

        assert ports.notifications.begin(a_notification(), "task-1", "two").status == "failed"
        ports.notifications.delivered("task-1")

        assert backend.dead_notifications() == {"task-1"}
        record = ports.notifications.find("task-1")
        assert record is not None
        assert record.status is NotificationStatus.FAILED


def test_what_was_never_recorded_is_not_found(ports: Ports) -> None:
    assert ports.notifications.find("task-1") is None


def test_a_leased_delivery_is_left_alone_for_as_long(ports: Ports, backend: Backend) -> None:
    ports.notifications.begin(a_notification(), "task-1", "one", lease_s=20.0)

    backend.pass_time(20_000)
    assert lost(ports) == []
    backend.pass_time(OVERDUE_AFTER_MS)
    assert lost(ports) == ["task-1"]


class TestRenewed:
    def test_whoever_holds_it_keeps_it(self, ports: Ports, backend: Backend) -> None:
        begin(ports, "one")
        backend.pass_time(LEASE_MS - 1_000)

        assert ports.notifications.renew("task-1", "one", LEASE_MS / 1000)

        backend.pass_time(LEASE_MS - 1_000)
        assert lost(ports) == []
        assert begin(ports, "two").status == "in_hand"
        backend.pass_time(1_000 + OVERDUE_AFTER_MS)
        assert lost(ports) == ["task-1"]

    def test_nobody_else_does(self, ports: Ports, backend: Backend) -> None:
        begin(ports, "one")
        backend.pass_time(LEASE_MS)
        begin(ports, "two")

        assert not ports.notifications.renew("task-1", "one", LEASE_MS / 1000)

        ports.notifications.delivered("task-1")
        assert not ports.notifications.renew("task-1", "two", LEASE_MS / 1000)
        assert not ports.notifications.renew("nobody", "two", LEASE_MS / 1000)
        assert backend.open_notifications() == set()


class TestInvoice:
    """What a notification of an order may carry."""

    async def test_it_is_owed_until_it_is_there(self, ports: Ports, backend: Backend) -> None:
        backend.set_by_hand("stock", "SKU-1", "3")
        order = an_order()
        await ports.intake.place(order, "task-1")
        assert ports.notifications.invoice(order.id) == InvoiceForMail(None)

        ports.book.settle(order.id, order.item, follow_ups(order))
        begun = ports.notifications.begin(a_notification(), f"notice-of-{order.id}", "one")
        assert begun.order_id == order.id
        assert ports.notifications.invoice(order.id) == InvoiceForMail(None, is_owed=True)

        ports.book.store_invoice(order.id, b"%PDF-\x00\xff")
        assert ports.notifications.invoice(order.id) == InvoiceForMail(b"%PDF-\x00\xff")

    async def test_of_an_order_that_failed_or_is_not_there_there_will_be_none(
        self, ports: Ports
    ) -> None:
        order = an_order()
        await ports.intake.place(order, "task-1")
        ports.book.settle(order.id, order.item, follow_ups(order))

        for order_id in (order.id, "nobody"):
            assert ports.notifications.invoice(order_id) == InvoiceForMail(None)

    @pytest.mark.parametrize("is_revoked", [False, True])
    async def test_one_that_was_given_up_is_owed_no_more(
        self, ports: Ports, backend: Backend, is_revoked: bool
    ) -> None:
        backend.set_by_hand("stock", "SKU-1", "3")
        order = an_order()
        await ports.intake.place(order, "task-1")
        settlement = ports.book.settle(order.id, order.item, follow_ups(order))
        if is_revoked:
            assert settlement.invoice_task_id is not None
            ports.book.revoke(order.id, TaskName.GENERATE_INVOICE, settlement.invoice_task_id)
        else:
            ports.book.bury(order.id, Reason.INVOICE_ATTEMPTS_EXHAUSTED)

        assert ports.notifications.invoice(order.id) == InvoiceForMail(None)
