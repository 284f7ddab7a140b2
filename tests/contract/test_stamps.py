"""`TaskLedger` and `TaskLookup`: stamps by the store's clock, and reading them back."""

from shop.domain.work import TaskReport, Timings
from tests.builders import a_delivery, an_order
from tests.contract.backends import Backend, Ports


async def find(ports: Ports, task_id: str = "task-1") -> TaskReport:
    report = await ports.lookup.find(task_id)
    assert report is not None
    return report


async def test_an_id_that_was_never_issued_is_not_found(ports: Ports) -> None:
    assert await ports.lookup.find("task-1") is None


async def test_a_queued_task_has_one_stamp(ports: Ports) -> None:
    placement = await ports.intake.place(an_order(), "task-1")

    report = await find(ports)

    assert report.timings == Timings(enqueued_at_ms=placement.enqueued_at_ms)
    assert (report.state, report.result, report.error) == ("PENDING", None, None)
    assert report.timings.queue_wait_ms is None


async def test_a_task_is_stamped_from_stage_to_stage(ports: Ports, backend: Backend) -> None:
    enqueued_at_ms = (await ports.intake.place(an_order(), "task-1")).enqueued_at_ms
    before_ms = backend.now_ms()

    ports.ledger.started(a_delivery(enqueued_at_ms=enqueued_at_ms, age_ms=30))

    timings = (await find(ports)).timings
    assert timings.started_at_ms is not None
    assert before_ms <= timings.started_at_ms <= backend.now_ms()
    assert timings == Timings(
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


async def test_a_task_sent_by_hand_is_known_once_it_has_started(ports: Ports) -> None:
    ports.ledger.started(a_delivery("by-hand", task="daily_stock_report"))

    report = await find(ports, "by-hand")

    assert report.task == "daily_stock_report"
    assert report.timings.enqueued_at_ms is None
    assert report.timings.queue_wait_ms is None


async def test_a_stamp_that_cannot_be_is_not_kept(ports: Ports) -> None:
    ports.ledger.started(a_delivery(enqueued_at_ms=10**18))

    assert (await find(ports)).timings.enqueued_at_ms is None
