"""What a worker's consumer makes of a message; a real one, on many, in `test_dead_messages`."""

from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from celery.app.base import Celery
from celery.worker.consumer import Consumer as CelerysConsumer
from kombu.message import Message

from shop.adapters.celery.app import create_worker_app
from shop.adapters.celery.consumer import Consumer
from shop.domain.errors import StoreUnavailable
from shop.domain.messages import DeadMessage
from tests.conftest import MakeSettings

#: As one from RabbitMQ, which kombu takes apart itself.
WELL = {"body": '[["zoe@example.com"], {}, null]', "headers": {"task": "record", "id": "1"}}
ILL = {"body": "hello", "headers": {}}


def message(*, body: str, headers: dict[str, Any]) -> Any:
    acknowledged: list[str] = []
    return Message(
        body.encode(),
        delivery_tag="tag",
        content_type="application/json",
        content_encoding="utf-8",
        delivery_info={"routing_key": "default", "consumer_tag": "c"},
        properties={"correlation_id": "1"},
        headers=headers,
        channel=SimpleNamespace(
            no_ack_consumers=None,
            acknowledged=acknowledged,
            basic_reject=lambda tag, requeue: acknowledged.append(tag),
        ),
    )


class WithoutWorker(Consumer):
    """A consumer over a handler that fails as it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.handled: list[object] = []
        self.kept: list[DeadMessage] = []
        self.refused: Exception | None = None
        self.app = SimpleNamespace(
            timezone=ZoneInfo("UTC"), services=lambda: SimpleNamespace(dead_messages=self)
        )
        self.connection_errors = ()
        self.qos = SimpleNamespace(increment_eventually=int, decrement_eventually=int)
        self.timer = SimpleNamespace(call_after=lambda *_: None)
        self._held = []

    def keep(self, dead: DeadMessage) -> None:
        if self.refused is not None:
            raise self.refused
        self.kept.append(dead)


@pytest.fixture(autouse=True)
def _handler(monkeypatch: pytest.MonkeyPatch) -> None:
    def create(consumer: WithoutWorker) -> Any:
        def handle(message: object) -> None:
            consumer.handled.append(message)
            if consumer.error is not None:
                raise consumer.error

        return handle

    monkeypatch.setattr(CelerysConsumer, "create_task_handler", create)


@pytest.mark.parametrize(
    "error",
    [TypeError("x"), ValueError("x"), KeyError("id"), AttributeError("grow"), ConnectionError("x")],
)
def test_a_fault_of_the_worker_puts_no_good_message_aside(error: Exception) -> None:
    consumer, good = WithoutWorker(error), message(**WELL)

    with pytest.raises(type(error)):
        consumer.create_task_handler()(good)

    assert consumer.kept == []
    assert not good.acknowledged


def test_a_task_is_handled_once() -> None:
    consumer, good = WithoutWorker(), message(**WELL)

    consumer.create_task_handler()(good)

    assert (consumer.handled, consumer.kept) == ([good], [])


def test_what_is_none_is_kept_and_then_acknowledged() -> None:
    consumer, ill = WithoutWorker(), message(**ILL)

    consumer.create_task_handler()(ill)

    (dead,) = consumer.kept
    assert (consumer.handled, dead.queue, dead.task) == ([], "default", None)
    assert b'"body": "hello"' in dead.raw
    assert b'"correlation_id": "1"' in dead.raw
    assert ill.channel.acknowledged == ["tag"]


def test_what_the_store_does_not_keep_stays_unacknowledged_until_it_does() -> None:
    consumer, ills = WithoutWorker(), [message(**ILL) for _ in range(3)]
    consumer.refused = StoreUnavailable("full")
    for ill in ills:
        consumer.create_task_handler()(ill)
    consumer._keep_held()
    assert not any(ill.acknowledged for ill in ills)

    consumer.refused = None
    consumer._keep_held()
    assert len(consumer.kept) == 3
    assert all(ill.acknowledged for ill in ills)
    consumer._keep_held()
    assert len(consumer.kept) == 3


def test_what_waits_is_forgotten_with_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CelerysConsumer, "on_close", lambda _: None)
    consumer, ill = WithoutWorker(), message(**ILL)
    consumer.refused = StoreUnavailable("full")
    consumer.create_task_handler()(ill)
    consumer.on_close()

    consumer.refused = None
    consumer._keep_held()
    # It is another's now, who keeps it in its turn.
    assert consumer.kept == []
    assert not ill.acknowledged


@pytest.mark.parametrize("broker", ["redis://broker/0", "amqp://ann:secret@broker:5672/shop"])
def test_workers_on_either_broker_have_it(make_settings: MakeSettings, broker: str) -> None:
    app: Celery = create_worker_app(make_settings(celery_broker_dsn=broker))

    assert app.conf.worker_consumer == f"{Consumer.__module__}:{Consumer.__qualname__}"
