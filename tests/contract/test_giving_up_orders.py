"""`OrderBook.bury` and `revive`: given up, and taken up again."""

import pytest

from shop.domain.errors import OrderNotRetriable, UnknownOrder
from shop.domain.order import Begun, Order, OrderStatus, Reason
from shop.domain.task_state import RESULT_WITHIN_MS
from shop.domain.work import TaskName, Timings
from tests.builders import a_delivery, an_order, follow_ups
from tests.contract.backends import Backend, Ports


@pytest.fixture
def pending(ports: Ports) -> Order:
    order = an_order()
    ports.book.begin(order, "task-1", "one")
    return order


@pytest.fixture
def processed(ports: Ports, backend: Backend, pending: Order) -> Order:
    backend.set_by_hand("stock", pending.item, "10")
    ports.book.settle(pending.id, pending.item, follow_ups(pending))
    return pending


class TestBury:
    def test_a_pending_order_fails(self, ports: Ports, backend: Backend, pending: Order) -> None:
        before_ms = backend.now_ms()

        ports.book.bury(pending.id, Reason.ATTEMPTS_EXHAUSTED)

        record = ports.book.find(pending.id)
        assert record is not None
        assert (record.status, record.reason) == (OrderStatus.FAILED, Reason.ATTEMPTS_EXHAUSTED)
        assert record.processed_at_ms is not None
        assert before_ms <= record.processed_at_ms <= backend.now_ms()
        assert (backend.open_orders(), backend.dead_orders()) == (set(), {pending.id})

    def test_a_processed_order_keeps_its_status_and_the_stock_is_sold(
        self, ports: Ports, backend: Backend, processed: Order
    ) -> None:
        ports.book.bury(processed.id, Reason.INVOICE_ATTEMPTS_EXHAUSTED)

        record = ports.book.find(processed.id)
        assert record is not None
        assert record.status is OrderStatus.PROCESSED
        assert record.reason == Reason.INVOICE_ATTEMPTS_EXHAUSTED
        assert backend.stock_text(processed.item) == "8"
        assert (backend.open_orders(), backend.dead_orders()) == (set(), {processed.id})

    def test_twice_is_once(self, ports: Ports, backend: Backend, pending: Order) -> None:
        ports.book.bury(pending.id, Reason.ATTEMPTS_EXHAUSTED)
        first = ports.book.find(pending.id)

        ports.book.bury(pending.id, Reason.ATTEMPTS_EXHAUSTED)

        assert ports.book.find(pending.id) == first
        assert backend.dead_orders() == {pending.id}

    def test_an_order_that_was_processed_in_the_meantime_is_left_alone(
        self, ports: Ports, backend: Backend, processed: Order
    ) -> None:
        before = ports.book.find(processed.id)

        ports.book.bury(processed.id, Reason.ATTEMPTS_EXHAUSTED)

        assert ports.book.find(processed.id) == before
        assert (backend.open_orders(), backend.dead_orders()) == ({processed.id}, set())

    def test_an_order_that_was_invoiced_in_the_meantime_is_left_alone(
        self, ports: Ports, backend: Backend, processed: Order
    ) -> None:
        ports.book.store_invoice(processed.id, b"%PDF")
        before = ports.book.find(processed.id)

        ports.book.bury(processed.id, Reason.INVOICE_ATTEMPTS_EXHAUSTED)

        assert ports.book.find(processed.id) == before
        assert backend.dead_orders() == set()

    def test_an_order_that_never_was_stays_so(self, ports: Ports, backend: Backend) -> None:
        ports.book.bury("1001", Reason.ATTEMPTS_EXHAUSTED)

        assert ports.book.find("1001") is None
        assert backend.dead_orders() == set()


class TestRevive:
    def test_a_failed_order_is_pending_again_and_due_at_once(
        self, ports: Ports, backend: Backend, pending: Order
    ) -> None:
        failed = ports.book.settle(pending.id, pending.item, follow_ups(pending))
        assert failed.reason == Reason.UNKNOWN_ITEM

        claim = ports.book.revive(pending.id)

        (record,) = claim.records
        assert record == ports.book.find(pending.id)
        assert record.status is OrderStatus.PENDING
        assert (record.reason, record.processed_at_ms, record.attempts) == (None, None, 0)
        assert record.owed is TaskName.PROCESS_ORDER
        assert backend.open_orders() == {pending.id}
        lost = ports.book.claim_lost("default", queue_is_idle=True, limit=10)
        assert [found.order_id for found in lost.records] == [pending.id]

    def test_it_can_then_be_processed_and_its_customer_hears_of_it_again(
        self, ports: Ports, backend: Backend, pending: Order
    ) -> None:
        ports.book.settle(pending.id, pending.item, follow_ups(pending))
        ports.notifications.delivered("notice-of-1001")
        ports.book.revive(pending.id)
        backend.set_by_hand("stock", pending.item, "2")

        # The delivery id may be the same: a client sent the task by hand.
        assert ports.book.begin(pending, "task-1", "one") == Begun("pending", 1)
        settlement = ports.book.settle(pending.id, pending.item, follow_ups(pending, suffix="-2"))

        assert settlement.status is OrderStatus.PROCESSED
        assert settlement.reason is None
        assert settlement.invoice_task_id == "invoice-of-1001-2"
        assert settlement.notification_task_id == "notice-of-1001-2"
        assert backend.stock_text(pending.item) == "0"

    def test_an_order_given_up_after_its_last_attempt_gets_all_attempts_again(
        self, ports: Ports, backend: Backend, pending: Order
    ) -> None:
        ports.book.begin(pending, "task-1", "two")
        ports.book.bury(pending.id, Reason.ATTEMPTS_EXHAUSTED)

        ports.book.revive(pending.id)

        assert ports.book.begin(pending, "task-1", "two") == Begun("pending", 1)
        assert backend.dead_orders() == set()

    async def test_a_processed_order_without_invoice_is_owed_only_that(
        self, ports: Ports, backend: Backend, processed: Order
    ) -> None:
        ports.book.begin_invoice(processed.id, "invoice-task", "one")
        ports.book.bury(processed.id, Reason.INVOICE_ATTEMPTS_EXHAUSTED)

        claim = ports.book.revive(processed.id)

        (record,) = claim.records
        assert record.status is OrderStatus.PROCESSED
        assert record.owed is TaskName.GENERATE_INVOICE
        assert backend.stock_text(processed.item) == "8"
        assert ports.book.begin_invoice(processed.id, "invoice-task", "one") == Begun(
            "processed", 1
        )
        issued = await ports.lookup.find("invoice-of-1001")
        assert issued is not None
        assert (issued.task, issued.timings.enqueued_at_ms) == ("generate_invoice", claim.at_ms)

    async def test_its_task_is_told_of_anew(self, ports: Ports, backend: Backend) -> None:
        order = an_order()
        await ports.intake.place(order, "task-1")
        first = a_delivery(task="process_order", enqueued_at_ms=backend.now_ms())
        ports.ledger.started(first)
        ports.book.settle(order.id, order.item, follow_ups(order))
        backend.keep_result("task-1", {"status": "failed"})
        ports.ledger.finished("task-1")

        claim = ports.book.revive(order.id)

        issued = await ports.lookup.find("task-1")
        assert issued is not None
        assert (issued.task, issued.state, issued.result) == ("process_order", "PENDING", None)
        assert issued.timings == Timings(claim.at_ms, claim.at_ms)

        # The first run's result comes late: it is not this run's.
        backend.keep_result("task-1", {"status": "failed"})
        assert (await ports.lookup.find("task-1")) == issued

        # The delivery id may be the same: a client sent the task by hand.
        backend.set_by_hand("stock", order.item, "10")
        ports.ledger.started(first)
        ports.book.settle(order.id, order.item, follow_ups(order))
        ports.ledger.finished("task-1")

        done = await ports.lookup.find("task-1")
        assert done is not None
        outcome = {"order_id": order.id, "status": "processed", "reason": None}
        assert (done.state, done.result) == ("SUCCESS", outcome)
        assert done.timings.deliveries == 1
        assert done.timings.finished_at_ms is not None

    async def test_an_invoices_task_is_told_of_anew(
        self, ports: Ports, backend: Backend, processed: Order
    ) -> None:
        ports.book.bury(processed.id, Reason.INVOICE_ATTEMPTS_EXHAUSTED)
        backend.keep_result("task-1", {"status": "processed"})
        backend.keep_result("invoice-of-1001", {"made": False})

        ports.book.revive(processed.id)

        issued = await ports.lookup.find("invoice-of-1001")
        assert issued is not None
        assert issued.state == "PENDING"
        ports.book.store_invoice(processed.id, b"%PDF")
        ports.ledger.finished("invoice-of-1001")
        made = await ports.lookup.find("invoice-of-1001")
        assert made is not None
        assert made.result == {"order_id": processed.id, "made": True}

    async def test_twice_is_once(self, ports: Ports, backend: Backend, pending: Order) -> None:
        ports.book.settle(pending.id, pending.item, follow_ups(pending))
        first = ports.book.revive(pending.id)

        assert ports.book.revive(pending.id).records == first.records
        assert (await ports.tallies.read()).orders["revived"] == 1
        # Once somebody has begun it, it is worked on as any other.
        ports.book.begin(pending, "task-1", "two")
        with pytest.raises(OrderNotRetriable):
            ports.book.revive(pending.id)

    def test_an_invoice_twice_is_once(
        self, ports: Ports, backend: Backend, processed: Order
    ) -> None:
        ports.book.bury(processed.id, Reason.INVOICE_ATTEMPTS_EXHAUSTED)
        first = ports.book.revive(processed.id)

        assert ports.book.revive(processed.id).records == first.records
        ports.book.store_invoice(processed.id, b"%PDF")
        with pytest.raises(OrderNotRetriable):
            ports.book.revive(processed.id)

    def test_what_is_still_worked_on_or_done_is_refused(
        self, ports: Ports, backend: Backend, processed: Order
    ) -> None:
        ports.book.begin(an_order("1002"), "task-2", "one")
        before = [ports.book.find("1001"), ports.book.find("1002")]

        for order_id, status in [("1001", "processed"), ("1002", "pending")]:
            with pytest.raises(OrderNotRetriable) as refused:
                ports.book.revive(order_id)
            assert refused.value.status == status

        assert [ports.book.find("1001"), ports.book.find("1002")] == before

    def test_an_unknown_order_is_unknown(self, ports: Ports) -> None:
        with pytest.raises(UnknownOrder):
            ports.book.revive("1001")


class TestRevoke:
    def test_a_pending_order_fails(self, ports: Ports, backend: Backend, pending: Order) -> None:
        ports.book.revoke(pending.id, TaskName.PROCESS_ORDER, "task-1")

        record = ports.book.find(pending.id)
        assert record is not None
        assert (record.status, record.reason) == (OrderStatus.FAILED, Reason.REVOKED)
        assert (backend.open_orders(), backend.dead_orders()) == (set(), {pending.id})
        # Its task may be on its way to the end of it: it comes too late.
        settlement = ports.book.settle(pending.id, pending.item, follow_ups(pending))
        assert (settlement.status, settlement.reason) == (OrderStatus.FAILED, Reason.REVOKED)
        assert settlement.notification_task_id is None

    def test_a_processed_order_stays_so_and_lacks_its_invoice(
        self, ports: Ports, backend: Backend, processed: Order
    ) -> None:
        ports.book.revoke(processed.id, TaskName.GENERATE_INVOICE, "invoice-of-1001")

        record = ports.book.find(processed.id)
        assert record is not None
        assert (record.status, record.reason) == (OrderStatus.PROCESSED, Reason.REVOKED)
        assert (backend.open_orders(), backend.dead_orders()) == (set(), {processed.id})

    def test_what_is_done_stands(self, ports: Ports, backend: Backend, processed: Order) -> None:
        before = ports.book.find(processed.id)
        ports.book.revoke(processed.id, TaskName.PROCESS_ORDER, "task-1")
        assert ports.book.find(processed.id) == before

        ports.book.store_invoice(processed.id, b"%PDF")
        before = ports.book.find(processed.id)
        ports.book.revoke(processed.id, TaskName.GENERATE_INVOICE, "invoice-of-1001")
        assert ports.book.find(processed.id) == before
        assert backend.dead_orders() == set()

    def test_another_task_of_the_same_order_is_nothing_to_it(
        self, ports: Ports, pending: Order
    ) -> None:
        before = ports.book.find(pending.id)
        ports.book.revoke(pending.id, TaskName.PROCESS_ORDER, "sent-by-hand")
        ports.book.revoke(pending.id, TaskName.GENERATE_INVOICE, "task-1")
        ports.book.revoke("unknown", TaskName.PROCESS_ORDER, "task-1")

        assert ports.book.find(pending.id) == before
        assert ports.book.find("unknown") is None

    async def test_taken_up_again_it_is_published_under_an_id_that_nobody_has_revoked(
        self, ports: Ports, backend: Backend, pending: Order
    ) -> None:
        ports.book.revoke(pending.id, TaskName.PROCESS_ORDER, "task-1")

        claim = ports.book.revive(pending.id, "message-2")

        (record,) = claim.records
        assert (record.task_id, record.message_id) == ("task-1", "message-2")
        assert (record.status, record.reason) == (OrderStatus.PENDING, None)
        assert ports.book.revive(pending.id, "message-3").records == claim.records
        # A late copy of the first message is revoked once more.
        ports.book.revoke(pending.id, TaskName.PROCESS_ORDER, "task-1")
        assert ports.book.find(pending.id) == record

        backend.set_by_hand("stock", pending.item, "10")
        ports.ledger.started(a_delivery("message-2"))
        ports.book.begin(pending, "message-2", "two")
        ports.book.settle(pending.id, pending.item, follow_ups(pending))
        ports.ledger.finished("message-2")
        backend.pass_time(RESULT_WITHIN_MS + 1_000)
        for task_id in ("task-1", "message-2"):
            found = await ports.lookup.find(task_id)
            assert found is not None
            assert found.state == "SUCCESS"
            assert found.result["status"] == "processed"

    def test_it_can_be_revoked_and_taken_up_once_more(self, ports: Ports, pending: Order) -> None:
        ports.book.revoke(pending.id, TaskName.PROCESS_ORDER, "task-1")
        ports.book.revive(pending.id, "message-2")
        ports.book.revoke(pending.id, TaskName.PROCESS_ORDER, "message-2")
        record = ports.book.find(pending.id)
        assert record is not None
        assert record.reason == Reason.REVOKED

        (record,) = ports.book.revive(pending.id).records
        assert record.task_id == "task-1"
        assert record.message_id not in (None, "task-1", "message-2")

    async def test_the_same_of_an_invoice(
        self, ports: Ports, backend: Backend, processed: Order
    ) -> None:
        ports.book.revoke(processed.id, TaskName.GENERATE_INVOICE, "invoice-of-1001")
        given_up = await ports.lookup.find("invoice-of-1001")

        (record,) = ports.book.revive(processed.id, "invoice-2").records

        assert (record.invoice_task_id, record.message_id) == ("invoice-2", None)
        assert record.owed is TaskName.GENERATE_INVOICE
        assert given_up is not None
        ports.book.revoke(processed.id, TaskName.GENERATE_INVOICE, "invoice-of-1001")
        assert ports.book.find(processed.id) == record
        issued = await ports.lookup.find("invoice-2")
        assert issued is not None
        assert (issued.task, issued.state) == ("generate_invoice", "PENDING")
