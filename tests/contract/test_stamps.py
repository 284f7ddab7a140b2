"""`TaskLedger` and `TaskLookup`: stamps by the store's clock, and reading them back."""

from shop.domain.work import TaskReport, Timings
from testing.waiting import wait_for
from tests.builders import a_delivery, an_order, follow_ups
from tests.contract.backends import Backend, FakeBackend, Ports


async def find(ports: Ports, task_id: str = "task-1") -> TaskReport:
    report = await ports.lookup.find(task_id)
    assert report is not None
    return report


def wait_until_later_than(at_ms: int, backend: Backend) -> None:
    """A manual clock is moved, a server's is waited for."""
    if isinstance(backend, FakeBackend):
        backend.pass_time(5)
    wait_for("the clock has moved", lambda: backend.now_ms() > at_ms, within_s=2.0)


async def test_an_id_that_was_never_issued_is_not_found(ports: Ports) -> None:
    assert await ports.lookup.find("task-1") is None


async def test_a_queued_task_has_one_stamp(ports: Ports) -> None:
    placement = await ports.intake.place(an_order(), "task-1")

    report = await find(ports)

    at_ms = placement.enqueued_at_ms
    assert report.timings == Timings(first_enqueued_at_ms=at_ms, enqueued_at_ms=at_ms)
    assert (report.state, report.result, report.error) == ("PENDING", None, None)
    assert report.timings.queue_wait_ms is None


async def test_attempts_are_counted_until_one_comes_to_an_end(ports: Ports) -> None:
    ports.ledger.started(a_delivery(task="audit_stock"))

    def begun(task_id: str, delivery_id: str) -> int:
        return ports.ledger.begun("audit_stock", task_id, delivery_id)

    assert [begun("task-1", "one"), begun("task-1", "two"), begun("task-1", "two")] == [1, 2, 2]
    assert begun("task-2", "one") == 1
    ports.ledger.ended("task-1")
    assert begun("task-1", "three") == 1
    assert (await find(ports)).task == "audit_stock"


async def test_a_task_is_stamped_from_stage_to_stage(ports: Ports, backend: Backend) -> None:
    enqueued_at_ms = (await ports.intake.place(an_order(), "task-1")).enqueued_at_ms
    before_ms = backend.now_ms()

    ports.ledger.started(a_delivery(enqueued_at_ms=enqueued_at_ms, age_ms=30))

    timings = (await find(ports)).timings
    assert timings.started_at_ms is not None
    assert before_ms <= timings.started_at_ms <= backend.now_ms()
    assert timings == Timings(
        first_enqueued_at_ms=enqueued_at_ms,
        enqueued_at_ms=enqueued_at_ms,
        received_at_ms=timings.started_at_ms - 30,
        started_at_ms=timings.started_at_ms,
        deliveries=1,
    )
    assert timings.queue_wait_ms == timings.started_at_ms - enqueued_at_ms

    ports.ledger.finished("task-1")

    finished = (await find(ports)).timings
    assert finished.finished_at_ms is not None
    assert timings.started_at_ms <= finished.finished_at_ms <= backend.now_ms()
    assert finished.started_at_ms == timings.started_at_ms
    assert finished.run_ms == finished.finished_at_ms - timings.started_at_ms


async def test_each_delivery_counts_once(ports: Ports) -> None:
    for delivery_id, deliveries in [("one", 1), ("one", 1), ("two", 2)]:
        ports.ledger.started(a_delivery("task-1", delivery_id))
        assert (await find(ports)).timings.deliveries == deliveries


async def test_a_second_delivery_is_stamped_anew(ports: Ports, backend: Backend) -> None:
    ports.ledger.started(a_delivery("task-1", "one", enqueued_at_ms=backend.now_ms()))
    ports.ledger.finished("task-1")
    sent_again_at_ms = backend.now_ms()

    ports.ledger.started(a_delivery("task-1", "two", enqueued_at_ms=sent_again_at_ms))

    timings = (await find(ports)).timings
    assert timings.enqueued_at_ms == sent_again_at_ms
    assert timings.finished_at_ms is None


async def test_the_first_publication_stays_however_often_it_is_sent_again(
    ports: Ports, backend: Backend
) -> None:
    first_ms = (await ports.intake.place(an_order(), "task-1")).enqueued_at_ms
    ports.ledger.started(a_delivery("task-1", "one", enqueued_at_ms=first_ms))
    for delivery_id in ("two", "three"):
        wait_until_later_than(backend.now_ms(), backend)
        again_ms = backend.now_ms()
        ports.ledger.started(a_delivery("task-1", delivery_id, enqueued_at_ms=again_ms))

        timings = (await find(ports)).timings
        assert (timings.first_enqueued_at_ms, timings.enqueued_at_ms) == (first_ms, again_ms)


async def test_a_lost_first_message_is_still_the_first(ports: Ports, backend: Backend) -> None:
    first_ms = (await ports.intake.place(an_order(), "task-1")).enqueued_at_ms
    wait_until_later_than(first_ms, backend)
    again_ms = backend.now_ms()

    ports.ledger.started(a_delivery(enqueued_at_ms=again_ms))

    timings = (await find(ports)).timings
    assert first_ms < again_ms
    assert (timings.first_enqueued_at_ms, timings.enqueued_at_ms) == (first_ms, again_ms)
    assert timings.started_at_ms is not None
    assert timings.queue_wait_ms == timings.started_at_ms - again_ms


async def test_what_an_order_gives_rise_to_is_issued_with_it(
    ports: Ports, backend: Backend
) -> None:
    backend.set_by_hand("stock", "SKU-1", "10")
    ports.book.begin(an_order(), "task-1", "one")
    drawn = follow_ups(an_order())
    settlement = ports.book.settle("1001", "SKU-1", drawn)
    assert drawn.notification_task_id is not None

    for task_id, task in [
        (drawn.invoice_task_id, "generate_invoice"),
        (drawn.notification_task_id, "send_notification"),
    ]:
        report = await find(ports, task_id)
        assert (report.task, report.state) == (task, "PENDING")
        assert report.timings.first_enqueued_at_ms == settlement.at_ms

    # Settled once more, it stays with the first time.
    wait_until_later_than(settlement.at_ms, backend)
    ports.book.settle("1001", "SKU-1", drawn)
    report = await find(ports, drawn.invoice_task_id)
    assert report.timings.first_enqueued_at_ms == settlement.at_ms


async def test_a_task_sent_by_hand_is_known_once_it_has_started(ports: Ports) -> None:
    ports.ledger.started(a_delivery("by-hand", task="daily_stock_report"))

    report = await find(ports, "by-hand")

    assert report.task == "daily_stock_report"
    assert report.timings.first_enqueued_at_ms is None
    assert report.timings.enqueued_at_ms is None
    assert report.timings.queue_wait_ms is None


async def test_a_stamp_that_cannot_be_is_not_kept(ports: Ports) -> None:
    ports.ledger.started(a_delivery(enqueued_at_ms=10**18))

    timings = (await find(ports)).timings
    assert (timings.first_enqueued_at_ms, timings.enqueued_at_ms) == (None, None)
