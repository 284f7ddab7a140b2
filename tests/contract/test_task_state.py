"""`/status` agrees with the record of the work, whatever became of Celery's result."""

from typing import Any

import pytest

from shop.domain.order import Reason
from shop.domain.task_state import RESULT_WITHIN_MS
from shop.domain.work import TaskName, TaskReport
from tests.builders import a_delivery, a_notification, an_order, follow_ups
from tests.contract.backends import Backend, Ports

ORDER = an_order()
PROCESSED = {"order_id": ORDER.id, "status": "processed", "reason": None}
FAILED = {"order_id": ORDER.id, "status": "failed", "reason": "out_of_stock"}
INVOICE_TASK = f"invoice-of-{ORDER.id}"


async def find(ports: Ports, task_id: str = "task-1") -> TaskReport:
    report = await ports.lookup.find(task_id)
    assert report is not None
    return report


async def placed(ports: Ports) -> None:
    await ports.intake.place(ORDER, "task-1")


def settled(ports: Ports, backend: Backend, stock: str = "10") -> None:
    backend.set_by_hand("stock", ORDER.item, stock)
    ports.ledger.started(a_delivery("task-1", task="process_order"))
    ports.book.settle(ORDER.id, ORDER.item, follow_ups(ORDER))


@pytest.mark.parametrize(("stock", "outcome"), [("10", PROCESSED), ("1", FAILED)])
async def test_an_order_that_is_decided_is_a_success_without_a_result(
    ports: Ports, backend: Backend, stock: str, outcome: dict[str, Any]
) -> None:
    await placed(ports)
    settled(ports, backend, stock)
    ports.ledger.finished("task-1")

    report = await find(ports)

    assert (report.state, report.result, report.error) == ("SUCCESS", outcome, None)


async def test_its_state_comes_with_its_last_stamp(ports: Ports, backend: Backend) -> None:
    await placed(ports)
    settled(ports, backend)
    assert (await find(ports)).state == "PENDING"

    # The worker was killed before it could stamp the end.
    backend.pass_time(RESULT_WITHIN_MS + 1_000)

    report = await find(ports)
    assert (report.state, report.result) == ("SUCCESS", PROCESSED)
    assert report.timings.finished_at_ms is not None
    assert report.timings.run_ms is not None


async def test_a_redelivery_takes_nothing_back(ports: Ports, backend: Backend) -> None:
    await placed(ports)
    settled(ports, backend)
    ports.ledger.finished("task-1")
    backend.pass_time(RESULT_WITHIN_MS + 1_000)

    ports.ledger.started(a_delivery("task-1", "two", task="process_order"))

    report = await find(ports)
    assert (report.state, report.result) == ("SUCCESS", PROCESSED)
    assert report.timings.run_ms == 0


async def test_an_order_that_failed_and_is_retried_is_not_what_it_was(
    ports: Ports, backend: Backend
) -> None:
    await placed(ports)
    settled(ports, backend, "1")
    ports.ledger.finished("task-1")
    backend.set_by_hand("stock", ORDER.item, "10")
    ports.book.revive(ORDER.id)

    # What the first run left comes late.
    backend.keep_result("task-1", FAILED)
    assert ((await find(ports)).state, (await find(ports)).result) == ("PENDING", None)

    settled(ports, backend)
    ports.ledger.finished("task-1")
    assert ((await find(ports)).state, (await find(ports)).result) == ("SUCCESS", PROCESSED)


async def test_a_task_that_was_sent_by_hand_is_its_orders_too(
    ports: Ports, backend: Backend
) -> None:
    await placed(ports)
    ports.ledger.started(a_delivery("by-hand", task="process_order"))
    ports.book.begin(ORDER, "by-hand", "one")
    assert (await find(ports, "by-hand")).state == "PENDING"

    settled(ports, backend)
    ports.ledger.finished("by-hand")

    assert (await find(ports, "by-hand")).result == PROCESSED


async def test_an_invoice_is_made_when_it_is_there(ports: Ports, backend: Backend) -> None:
    await placed(ports)
    settled(ports, backend)
    ports.ledger.started(a_delivery(INVOICE_TASK, task="generate_invoice"))
    assert (await find(ports, INVOICE_TASK)).state == "PENDING"

    ports.book.store_invoice(ORDER.id, b"%PDF")
    ports.ledger.finished(INVOICE_TASK)

    report = await find(ports, INVOICE_TASK)
    assert (report.state, report.result) == ("SUCCESS", {"order_id": ORDER.id, "made": True})


async def test_an_invoice_that_was_given_up_is_not_made(ports: Ports, backend: Backend) -> None:
    await placed(ports)
    settled(ports, backend)
    ports.ledger.started(a_delivery(INVOICE_TASK, task="generate_invoice"))
    ports.book.bury(ORDER.id, Reason.INVOICE_ATTEMPTS_EXHAUSTED)
    ports.ledger.finished(INVOICE_TASK)

    assert (await find(ports, INVOICE_TASK)).result == {"order_id": ORDER.id, "made": False}
    # That its invoice was given up is no reason why the order failed.
    ports.ledger.finished("task-1")
    assert (await find(ports)).result == PROCESSED


@pytest.mark.parametrize(
    ("close", "status"), [("delivered", "delivered"), ("bury", "failed"), ("", "")]
)
async def test_a_notification_is_what_its_record_says(
    ports: Ports, close: str, status: str
) -> None:
    await ports.notification_intake.place(a_notification(), "notice")
    ports.ledger.started(a_delivery("notice", task="send_notification"))
    assert (await find(ports, "notice")).state == "PENDING"

    match close:
        case "delivered":
            ports.notifications.delivered("notice")
        case "bury":
            ports.notifications.bury("notice", "the server said no")
    ports.ledger.finished("notice")

    report = await find(ports, "notice")
    expected = ("SUCCESS", {"status": status}) if status else ("PENDING", None)
    assert (report.state, report.result) == expected


async def test_what_an_operator_revoked_is_revoked_until_it_is_retried(
    ports: Ports, backend: Backend
) -> None:
    await placed(ports)
    ports.book.revoke(ORDER.id, TaskName.PROCESS_ORDER, "task-1")
    revoked = await find(ports)
    assert (revoked.state, revoked.result) == ("REVOKED", None)
    assert revoked.error is not None

    ports.book.revive(ORDER.id)
    assert (await find(ports)).state == "PENDING"
    settled(ports, backend)
    ports.ledger.finished("task-1")
    assert (await find(ports)).result == PROCESSED
    ports.book.revoke(ORDER.id, TaskName.GENERATE_INVOICE, INVOICE_TASK)
    assert (await find(ports, INVOICE_TASK)).state == "REVOKED"
    assert (await find(ports)).result == PROCESSED

    await ports.notification_intake.place(a_notification(), "notice")
    ports.notifications.bury("notice", Reason.REVOKED)
    assert (await find(ports, "notice")).state == "REVOKED"


@pytest.mark.parametrize("failed", [False, True])
async def test_a_task_whose_result_nobody_wanted_is_ready_once_it_is_finished(
    ports: Ports, failed: bool
) -> None:
    ports.ledger.started(a_delivery("task-1", task="audit_stock"))
    assert (await find(ports)).state == "PENDING"

    ports.ledger.finished("task-1", failed=failed, has_result=False)

    report = await find(ports)
    assert report.state == ("FAILURE" if failed else "SUCCESS")
    assert bool(report.error) is failed


async def test_a_result_that_was_lost_is_not_waited_for_for_ever(
    ports: Ports, backend: Backend
) -> None:
    ports.ledger.started(a_delivery("task-1", task="audit_stock"))
    ports.ledger.finished("task-1")
    # It may be on its way.
    assert (await find(ports)).state == "PENDING"

    backend.pass_time(RESULT_WITHIN_MS + 1_000)

    assert (await find(ports)).state == "SUCCESS"
