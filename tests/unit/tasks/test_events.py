"""Events for Flower go out together, and every one of them does."""

from typing import Any

import pytest
from celery import Celery
from celery.events import EventDispatcher
from kombu import Connection
from kombu.asynchronous.timer import Timer

from shop.adapters.celery import transport
from shop.tasks import events
from shop.tasks.events import EventsInBatches
from testing.servers import ValkeyProcess


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


def test_a_worker_that_publishes_nothing_is_left_alone() -> None:
    consumer, _ = started()
    assert consumer.event_dispatcher is not None
    consumer.event_dispatcher.close()

    fire_timers(consumer)

    assert consumer.sent == []


class TestListening:
    """Redis says how many hear a publication; the worker's next sign of life tells it."""

    @pytest.fixture
    def app(self, valkey: ValkeyProcess, monkeypatch: pytest.MonkeyPatch) -> Celery:
        # A timer that was let off too early does nothing.
        monkeypatch.setattr(events, "FLUSH_EVERY_S", 1e-6)
        transport.install()
        return Celery("test", broker=valkey.dsn(0), set_as_current=False)

    def worker(self, app: Celery, connection: Connection) -> Consumer:
        consumer = Consumer(connection)
        consumer.event_dispatcher = app.events.Dispatcher(
            connection, hostname="default@here", buffer_group=frozenset(["task"])
        )
        EventsInBatches(consumer).start(consumer)
        return consumer

    def tell(self, consumer: Consumer) -> None:
        """Of a task, and before and after it of being alive."""
        dispatcher = consumer.event_dispatcher
        assert dispatcher is not None
        for kind in ("worker-heartbeat", "task-started", "worker-heartbeat"):
            dispatcher.send(kind, uuid="1")
            fire_timers(consumer)

    def test_events_of_tasks_wait_for_somebody_who_hears_them(
        self, app: Celery, valkey: ValkeyProcess
    ) -> None:
        with app.connection() as connection, valkey.client(0) as client:
            consumer = self.worker(app, connection)
            dispatcher = consumer.event_dispatcher
            assert dispatcher is not None
            self.tell(consumer)
            assert dispatcher.groups == {"worker"}

            with client.pubsub() as listener:
                listener.psubscribe("*celeryev*")
                assert listener.get_message(timeout=1)
                dispatcher.send("task-received", uuid="0")
                self.tell(consumer)
                assert dispatcher.groups == set()
                heard = []
                while (message := listener.get_message(timeout=0.2)) is not None:
                    heard.append(message["channel"].rpartition("/")[2])
            # What was said while nobody was known to listen was not kept.
            assert heard.count("task.multi") == 1
            assert heard.index("task.multi") > 0
            assert {*heard} == {"worker.heartbeat", "task.multi"}

            # Whoever listened has gone.
            self.tell(consumer)
            assert dispatcher.groups == {"worker"}
