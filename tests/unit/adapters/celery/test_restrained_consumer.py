"""Rate limits count for what waits already, and a queue is for the workers started for it."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker.consumer import Consumer as CelerysConsumer

from shop.adapters.celery.app import create_worker_app
from shop.adapters.celery.consumer import Consumer
from tests.conftest import MakeSettings

LIMITED = "process_order"


class Timer:
    """Calls nothing by itself."""

    def call_after(self, *_: Any, **__: Any) -> None:
        """Its turn never comes."""


@pytest.fixture
def started() -> list[Any]:
    """Requests that went to the pool."""
    return []


@pytest.fixture
def consumer(make_settings: MakeSettings, started: list[Any]) -> Consumer:
    app = create_worker_app(make_settings())

    def work() -> None:
        """Never run here."""

    app.task(work, name=LIMITED, shared=False)
    app.finalize()
    app.amqp.queues.select(["priority"])
    return Consumer(
        started.append,
        app=app,
        timer=Timer(),
        pool=SimpleNamespace(num_processes=1, is_green=False),
        controller=SimpleNamespace(use_eventloop=True),
        hostname="worker@host",
    )


@pytest.fixture
def limit(consumer: Consumer) -> Callable[[Any], None]:
    def limit(rate: Any) -> None:
        # As `celery control rate_limit` does.
        consumer.app.tasks[LIMITED].rate_limit = rate
        consumer.reset_rate_limits()

    return limit


def receive(consumer: Consumer, *numbers: int) -> None:
    task = consumer.app.tasks[LIMITED]
    for number in numbers:
        request = SimpleNamespace(id=str(number), task=task)
        consumer._limit_task(request, consumer.task_buckets[LIMITED], 1)


def ids(requests: list[Any]) -> list[str]:
    return [request.id for request in requests]


@pytest.fixture(autouse=True)
def _unreserved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("celery.worker.consumer.consumer.task_reserved", lambda _: None)


def test_a_limit_that_is_taken_back_frees_what_waits_at_once(
    consumer: Consumer, started: list[Any], limit: Callable[[Any], None]
) -> None:
    limit("1/h")
    receive(consumer, 1, 2, 3)
    assert ids(started) == ["1"]

    limit(0)

    assert ids(started) == ["1", "2", "3"]
    assert consumer.task_buckets[LIMITED] is None


def test_a_new_limit_counts_for_what_waits(
    consumer: Consumer, started: list[Any], limit: Callable[[Any], None]
) -> None:
    limit("1/h")
    receive(consumer, 1, 2, 3)

    limit("1/m")

    assert ids(started) == ["1", "2"]
    assert ids([request for request, _ in consumer.task_buckets[LIMITED].contents]) == ["3"]


@pytest.mark.parametrize(
    ("queue", "is_taken"), [("default", False), ("priority", True), ("foreign", True)]
)
def test_a_worker_takes_on_no_queue_of_the_shops_that_it_was_not_started_for(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch, queue: str, is_taken: bool
) -> None:
    taken: list[str] = []
    monkeypatch.setattr(CelerysConsumer, "add_task_queue", lambda _, name: taken.append(name))

    consumer.add_task_queue(queue)

    assert taken == ([queue] if is_taken else [])
