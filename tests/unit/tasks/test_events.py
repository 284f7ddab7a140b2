"""Events for Flower go out together, and every one of them does."""

from typing import Any

from celery import Celery
from celery.events import EventDispatcher
from kombu import Connection
from kombu.asynchronous.timer import Timer

from shop.tasks.events import EventsInBatches


class Consumer:
    """As much of Celery's as the step touches."""

    def __init__(self, connection: Connection) -> None:
        self.flushes_asked_for = 0
        self.timer = Timer()  # type: ignore[no-untyped-call]
        self.event_dispatcher: EventDispatcher | None = EventDispatcher(
            connection,
            app=Celery("test", set_as_current=False),
            hostname="default@here",
            buffer_group=frozenset(["task"]),
            on_send_buffered=self._ask,
        )
        self.sent: list[int] = []
        self.event_dispatcher._publish = self._publish

    def _ask(self) -> None:
        self.flushes_asked_for += 1

    def _publish(self, event: Any, *_: Any, **__: Any) -> None:
        self.sent.append(len(event) if isinstance(event, list) else 1)


def started() -> tuple[Consumer, EventsInBatches]:
    consumer = Consumer(Connection("memory://"))
    step = EventsInBatches(consumer)
    step.start(consumer)
    return consumer, step


def fire_timers(consumer: Consumer) -> None:
    for entry in list(consumer.timer.queue):
        entry.entry()


def test_events_wait_for_the_timer_and_then_go_together() -> None:
    consumer, _ = started()
    assert consumer.event_dispatcher is not None

    for _ in range(5):
        consumer.event_dispatcher.send("task-received", uuid="1")

    assert (consumer.sent, consumer.flushes_asked_for) == ([], 0)
    fire_timers(consumer)
    assert consumer.sent == [5]


def test_many_do_not_wait() -> None:
    consumer, _ = started()
    assert consumer.event_dispatcher is not None

    for _ in range(consumer.event_dispatcher.buffer_limit):
        consumer.event_dispatcher.send("task-received", uuid="1")

    assert consumer.sent == [consumer.event_dispatcher.buffer_limit]


def test_the_timer_ends_with_the_consumer() -> None:
    consumer, step = started()
    (waiting,) = consumer.timer.queue
    assert not waiting.entry.canceled

    step.stop(consumer)

    assert waiting.entry.canceled
    step.stop(consumer)


def test_a_worker_without_events_is_left_alone() -> None:
    consumer = Consumer(Connection("memory://"))
    consumer.event_dispatcher = None

    EventsInBatches(consumer).start(consumer)

    assert not list(consumer.timer.queue)
