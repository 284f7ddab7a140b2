"""What Beat sends is taken next, however much waits, and stands there once."""

import json
from collections.abc import Iterator

import pytest
from celery import Celery
from kombu.transport import get_transport_cls
from redis import Redis

from shop.adapters.celery.app import create_worker_app
from shop.adapters.celery.head import HIGH_PRIORITY
from shop.tasks.schedule import beat_schedule
from testing.servers import ValkeyProcess
from tests.conftest import MakeSettings
from tests.unit.adapters.celery.messages_that_are_none import envelope

NAMES = list(beat_schedule())


@pytest.fixture
def broker(valkey: ValkeyProcess) -> Iterator[Redis]:
    with valkey.client(0) as client:
        yield client


@pytest.fixture
def app(valkey: ValkeyProcess, make_settings: MakeSettings) -> Iterator[Celery]:
    """Beat's."""
    app = create_worker_app(make_settings(redis_port=valkey.port))
    yield app
    app.close()


def send(app: Celery, name: str) -> None:
    app.send_task(name, **beat_schedule()[name]["options"])


def next_tasks(broker: Redis) -> list[str]:
    """The first is taken first."""
    messages = map(json.loads, reversed(broker.lrange("default", -10, -1)))
    return [message["headers"]["task"] for message in messages]


def test_it_stands_before_all_that_waits(broker: Redis, app: Celery) -> None:
    broker.lpush("default", *[json.dumps(envelope())] * 3)
    for name in NAMES:
        send(app, name)

    assert next_tasks(broker) == [*reversed(NAMES), *["record"] * 3]


def test_of_what_is_sent_again_and_again_one_stands_there(broker: Redis, app: Celery) -> None:
    broker.lpush("default", json.dumps(envelope()), "hello")
    for _ in range(300):
        for name in NAMES:
            send(app, name)

    assert broker.llen("default") == len(NAMES) + 2
    assert sorted(next_tasks_of(broker)) == sorted(NAMES)
    # The newest: the others have expired by then.
    assert broker.lindex("default", 0) == "hello"


def next_tasks_of(broker: Redis) -> list[str]:
    return [
        json.loads(message)["headers"]["task"]
        for message in broker.lrange("default", -len(NAMES), -1)
    ]


def test_anything_else_waits_its_turn(broker: Redis, app: Celery) -> None:
    send(app, NAMES[0])
    app.send_task("process_order", args=["1001", "SKU-1", 1, "ann@example.com"])

    assert next_tasks(broker) == [NAMES[0], "process_order"]


def test_in_rabbitmq_it_has_a_high_priority(make_settings: MakeSettings) -> None:
    create_worker_app(make_settings(celery_broker_dsn="amqp://broker//"))
    channel_class = get_transport_cls("amqp").Connection.Channel
    channel = channel_class.__new__(channel_class)
    for headers, priority in (
        (beat_schedule()[NAMES[0]]["options"]["headers"], HIGH_PRIORITY),
        ({}, 0),
    ):
        message = channel.prepare_message("body", priority=0, headers=headers, properties={})
        assert message.properties["priority"] == priority
