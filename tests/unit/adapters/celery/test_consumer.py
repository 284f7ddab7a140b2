"""What a worker does with a message that is no task; a real one, on many, in tests/generated."""

from types import SimpleNamespace
from typing import Any

import pytest
from celery.app.base import Celery
from celery.exceptions import InvalidTaskError
from celery.worker.consumer import Consumer as CelerysConsumer

from shop.adapters.celery.app import create_worker_app
from shop.adapters.celery.consumer import Consumer
from tests.conftest import MakeSettings

MESSAGE = SimpleNamespace(acknowledged=False)
DONE_WITH = SimpleNamespace(acknowledged=True)


class Raising(Consumer):
    """A consumer without a worker, over a handler that fails as it is told to."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.handled: list[object] = []
        self.put_aside: list[tuple[object, Exception]] = []

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        self.put_aside.append((message, exc))


@pytest.fixture
def _handler(monkeypatch: pytest.MonkeyPatch) -> None:
    def create(consumer: Raising) -> Any:
        def handle(message: object) -> None:
            consumer.handled.append(message)
            if consumer.error is not None:
                raise consumer.error

        return handle

    monkeypatch.setattr(CelerysConsumer, "create_task_handler", create)


@pytest.mark.usefixtures("_handler")
@pytest.mark.parametrize(
    "error", [TypeError("zoe@example.com"), ValueError("x"), KeyError("id"), AttributeError("x")]
)
def test_what_is_no_task_is_put_aside_without_quoting_it(error: Exception) -> None:
    consumer = Raising(error)

    consumer.create_task_handler()(MESSAGE)

    ((message, refusal),) = consumer.put_aside
    assert message is MESSAGE
    assert isinstance(refusal, InvalidTaskError)
    assert str(refusal) == f"shaped like no task ({type(error).__name__})"


@pytest.mark.usefixtures("_handler")
def test_what_celery_is_done_with_is_not_refused_again() -> None:
    consumer = Raising(TypeError())

    consumer.create_task_handler()(DONE_WITH)

    assert consumer.put_aside == []


@pytest.mark.usefixtures("_handler")
def test_what_is_one_is_handled_once() -> None:
    consumer = Raising(None)

    consumer.create_task_handler()(MESSAGE)

    assert (consumer.handled, consumer.put_aside) == ([MESSAGE], [])


@pytest.mark.usefixtures("_handler")
def test_a_lost_connection_is_not_taken_for_it() -> None:
    consumer = Raising(ConnectionError("away"))

    with pytest.raises(ConnectionError):
        consumer.create_task_handler()(MESSAGE)

    assert consumer.put_aside == []


@pytest.mark.parametrize("broker", ["redis://broker/0", "amqp://ann:secret@broker:5672/shop"])
def test_workers_on_either_broker_have_it(make_settings: MakeSettings, broker: str) -> None:
    app: Celery = create_worker_app(make_settings(celery_broker_dsn=broker))

    assert app.conf.worker_consumer == f"{Consumer.__module__}:{Consumer.__qualname__}"
