"""The sweep: what was lost on the way is sent again, under the same ids."""

from collections.abc import Callable

import pytest

from shop.domain.errors import PublishFailed, StoreUnavailable
from shop.domain.work import Delivery, Job, Queue, TaskName
from shop.services import recovery
from shop.services.notifying import Notifier
from shop.services.ordering import OrderProcessor
from shop.services.recovery import Sweep
from testing.fakes import (
    FakeMailer,
    FakeNotificationBook,
    FakeOrderBook,
    FakePublisher,
    FakeStore,
    FakeTaskLedger,
    FakeWarehouse,
)
from tests.builders import ANN, a_notification, an_order, follow_ups

OVERDUE_AFTER_MS = 2_000


@pytest.fixture
def orders(store: FakeStore) -> FakeOrderBook:
    return FakeOrderBook(store, overdue_after_ms=OVERDUE_AFTER_MS)


@pytest.fixture
def notifications(store: FakeStore) -> FakeNotificationBook:
    return FakeNotificationBook(store, overdue_after_ms=OVERDUE_AFTER_MS)


@pytest.fixture
def sweep(
    orders: FakeOrderBook, notifications: FakeNotificationBook, publisher: FakePublisher
) -> Sweep:
    return Sweep(orders, notifications, publisher)


@pytest.fixture
def overtake(store: FakeStore) -> Callable[[Queue], None]:
    """Start a task that was published just now."""

    def start(queue: Queue) -> None:
        FakeTaskLedger(store).started(
            Delivery("another", "another", "one", queue, store.clock.now_ms, age_ms=0)
        )

    return start


def test_everything_owed_is_sent_again_under_its_own_id(
    sweep: Sweep,
    store: FakeStore,
    orders: FakeOrderBook,
    notifications: FakeNotificationBook,
    publisher: FakePublisher,
) -> None:
    store.stock["SKU-1"] = "10"
    orders.begin(an_order("pending"), "task-of-pending", "one")
    processed = an_order("processed")
    orders.begin(processed, "task-of-processed", "one")
    orders.settle("processed", "SKU-1", follow_ups(processed, notify=False))
    notifications.begin(a_notification(message="Hello"), "notice", "one")
    store.clock.advance(OVERDUE_AFTER_MS)

    swept = sweep.run()

    now_ms = store.clock.now_ms
    data = {"item": "SKU-1", "qty": 2, "email": ANN}
    assert publisher.sent(TaskName.PROCESS_ORDER) == [
        Job(TaskName.PROCESS_ORDER, ("pending", "SKU-1", 2, ANN), "task-of-pending", now_ms)
    ]
    assert publisher.sent(TaskName.GENERATE_INVOICE) == [
        Job(TaskName.GENERATE_INVOICE, ("processed", data), "invoice-of-processed", now_ms)
    ]
    assert publisher.sent(TaskName.SEND_NOTIFICATION) == [
        Job(TaskName.SEND_NOTIFICATION, (ANN, "Hello"), "notice", now_ms)
    ]
    assert swept == {
        TaskName.PROCESS_ORDER: 1,
        TaskName.GENERATE_INVOICE: 1,
        TaskName.SEND_NOTIFICATION: 1,
    }


def test_nothing_owed_is_nothing_sent(sweep: Sweep, publisher: FakePublisher) -> None:
    assert sweep.run() == {}
    assert publisher.jobs == []


def test_what_is_done_is_not_sent_again(
    sweep: Sweep,
    store: FakeStore,
    orders: FakeOrderBook,
    notifications: FakeNotificationBook,
    publisher: FakePublisher,
) -> None:
    store.stock["SKU-1"] = "10"
    processor = OrderProcessor(orders, FakeWarehouse(), publisher, max_attempts=3, notify=True)
    processor.process(an_order(), "task-1", "one")
    orders.store_invoice("1001", b"%PDF")
    notice = publisher.sent(TaskName.SEND_NOTIFICATION)[0]
    Notifier(notifications, FakeMailer()).deliver(a_notification(), notice.task_id, "one")
    publisher.jobs.clear()
    store.clock.advance(24 * 60 * 60 * 1000)

    assert sweep.run() == {}


def test_each_queue_is_judged_by_itself(
    sweep: Sweep,
    store: FakeStore,
    orders: FakeOrderBook,
    notifications: FakeNotificationBook,
    publisher: FakePublisher,
    overtake: Callable[[Queue], None],
) -> None:
    publisher.busy = {Queue.DEFAULT, Queue.PRIORITY}
    orders.begin(an_order(), "task-1", "one")
    notifications.begin(a_notification(), "notice", "one")
    store.clock.advance(OVERDUE_AFTER_MS)
    overtake(Queue.PRIORITY)

    assert sweep.run() == {TaskName.SEND_NOTIFICATION: 1}

    overtake(Queue.DEFAULT)

    assert sweep.run() == {TaskName.PROCESS_ORDER: 1}


def test_what_an_operator_has_a_worker_hold_back_is_not_lost(
    orders: FakeOrderBook,
    notifications: FakeNotificationBook,
    publisher: FakePublisher,
    store: FakeStore,
    overtake: Callable[[Queue], None],
) -> None:
    """It is in the worker's hand, and the queue is empty."""
    restrained = {Queue.DEFAULT}
    sweep = Sweep(orders, notifications, publisher, is_restrained=restrained.__contains__)
    orders.begin(an_order(), "task-1", "one")
    notifications.begin(a_notification(), "notice", "one")
    store.clock.advance(OVERDUE_AFTER_MS)

    assert sweep.run() == {TaskName.SEND_NOTIFICATION: 1}

    overtake(Queue.DEFAULT)
    assert sweep.run() == {TaskName.PROCESS_ORDER: 1}


def test_notifications_are_judged_by_the_queue_that_they_are_routed_to(
    sweep: Sweep,
    store: FakeStore,
    notifications: FakeNotificationBook,
    publisher: FakePublisher,
    overtake: Callable[[Queue], None],
) -> None:
    publisher.notification_queue = Queue.DEFAULT
    publisher.busy = {Queue.DEFAULT, Queue.PRIORITY}
    notifications.begin(a_notification(), "notice", "one")
    store.clock.advance(OVERDUE_AFTER_MS)
    overtake(Queue.PRIORITY)
    assert sweep.run() == {}

    overtake(Queue.DEFAULT)

    assert sweep.run() == {TaskName.SEND_NOTIFICATION: 1}


def test_more_than_one_batch_is_swept_at_once(
    sweep: Sweep,
    store: FakeStore,
    orders: FakeOrderBook,
    publisher: FakePublisher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recovery, "BATCH", 3)
    for number in range(7):
        orders.begin(an_order(f"order-{number}"), f"task-{number}", "one")
    store.clock.advance(OVERDUE_AFTER_MS)

    assert sweep.run() == {TaskName.PROCESS_ORDER: 7}
    assert len({job.task_id for job in publisher.jobs}) == 7
    assert sweep.run() == {}


def slow(publisher: FakePublisher, store: FakeStore, each_ms: int) -> None:
    """Let each publication take its time, and fill the queue."""
    publish = publisher.publish

    def publish_slowly(job: Job) -> None:
        store.clock.advance(each_ms)
        publish(job)
        publisher.busy = {Queue.DEFAULT, Queue.PRIORITY}

    publisher.publish = publish_slowly  # type: ignore[method-assign]


@pytest.mark.parametrize("what", ["orders", "notifications"])
def test_each_piece_is_sent_once_however_long_the_sweep_takes(
    sweep: Sweep,
    store: FakeStore,
    orders: FakeOrderBook,
    notifications: FakeNotificationBook,
    publisher: FakePublisher,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    monkeypatch.setattr(recovery, "BATCH", 20)
    for number in range(400):
        if what == "orders":
            orders.begin(an_order(f"order-{number}"), f"task-{number}", "one")
        else:
            notifications.begin(a_notification(), f"task-{number}", "one")
    store.clock.advance(OVERDUE_AFTER_MS)
    # 4 s for all of them: by then the first ones are overdue again.
    slow(publisher, store, each_ms=10)

    asked = []
    swept = sweep.run(lambda: len(asked) < 3_000 and not asked.append(True))

    assert swept.total() == 400
    assert len({job.task_id for job in publisher.jobs}) == 400
    # They wait in the queue, and nothing has overtaken them.
    assert sweep.run() == {}


def test_a_sweep_that_may_not_go_on_leaves_the_rest_to_a_later_one(
    sweep: Sweep, store: FakeStore, orders: FakeOrderBook, publisher: FakePublisher
) -> None:
    for number in range(3):
        orders.begin(an_order(f"order-{number}"), f"task-{number}", "one")
    store.clock.advance(OVERDUE_AFTER_MS)

    assert sweep.run(lambda: False) == {TaskName.PROCESS_ORDER: 1}
    # What it had claimed is overdue again.
    store.clock.advance(OVERDUE_AFTER_MS)
    assert sweep.run().total() == 3


def test_a_broker_that_is_away_ends_the_sweep_and_the_next_one_makes_up_for_it(
    sweep: Sweep, store: FakeStore, orders: FakeOrderBook, publisher: FakePublisher
) -> None:
    orders.begin(an_order(), "task-1", "one")
    store.clock.advance(OVERDUE_AFTER_MS)
    publisher.failing = True
    with pytest.raises(PublishFailed):
        sweep.run()

    publisher.failing = False

    assert sweep.run() == {TaskName.PROCESS_ORDER: 1}


def test_what_was_claimed_and_not_sent_is_overdue_again(
    sweep: Sweep, store: FakeStore, orders: FakeOrderBook, publisher: FakePublisher
) -> None:
    orders.begin(an_order(), "task-1", "one")
    store.clock.advance(OVERDUE_AFTER_MS)
    # A sweep that died between claiming and sending.
    orders.claim_lost(Queue.DEFAULT, queue_is_idle=True, limit=10)
    assert sweep.run() == {}

    store.clock.advance(OVERDUE_AFTER_MS)

    assert sweep.run() == {TaskName.PROCESS_ORDER: 1}


def test_without_the_store_it_ends(sweep: Sweep, store: FakeStore) -> None:
    store.available = False

    with pytest.raises(StoreUnavailable):
        sweep.run()


def test_a_notification_is_not_sent_again_while_its_mail_server_takes_its_time(
    sweep: Sweep, store: FakeStore, notifications: FakeNotificationBook, publisher: FakePublisher
) -> None:
    def slow() -> None:
        store.clock.advance(9_000)
        sweep.run()

    Notifier(notifications, FakeMailer(meanwhile=slow, lease_s=20.0)).deliver(
        a_notification(), "notice", "one"
    )

    assert publisher.jobs == []
