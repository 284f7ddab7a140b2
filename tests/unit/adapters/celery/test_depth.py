"""How much waits in the queues: what kombu put there, and brokers that cannot be asked."""

import time

import pytest
from celery import Celery

from shop.adapters.celery.app import create_publisher_app
from shop.adapters.celery.depth import connect_queue_gauge
from shop.adapters.celery.publisher import CeleryPublisher
from shop.domain.errors import StoreUnavailable
from shop.domain.work import Job, TaskName, Waiting
from shop.tasks.schedule import beat_schedule
from testing.servers import HOST, ValkeyProcess, free_port
from tests.conftest import MakeSettings
from tests.unit.adapters.celery.messages_that_are_none import NONE


@pytest.fixture
def app(valkey: ValkeyProcess, make_settings: MakeSettings) -> Celery:
    return create_publisher_app(make_settings(redis_port=valkey.port), socket_timeout_s=1.0)


async def test_what_was_published_and_not_taken_waits(
    valkey: ValkeyProcess, app: Celery, make_settings: MakeSettings
) -> None:
    gauge = connect_queue_gauge(app, make_settings(redis_port=valkey.port))
    try:
        assert await gauge.read() == {"default": Waiting(0), "priority": Waiting(0)}

        for _ in range(3):
            app.send_task("process_order", args=["1001"])
        # A foreign client may give a number, which kombu keeps a list of its own for.
        app.send_task("process_order", args=["1001"], priority=9)
        app.send_task("send_notification", args=["ann@example.com", "Hello"])
        # Without a stamp of the shop's, nobody knows since when.
        assert await gauge.read() == {"default": Waiting(4, None), "priority": Waiting(1, None)}

        with app.connection_for_write() as connection:
            assert connection.default_channel.basic_get("default") is not None
            assert (await gauge.read())["default"] == Waiting(3, None)
    finally:
        await gauge.close()
        app.close()


async def test_the_oldest_message_says_since_when_it_waits(
    valkey: ValkeyProcess, app: Celery, make_settings: MakeSettings
) -> None:
    gauge = connect_queue_gauge(app, make_settings(redis_port=valkey.port))
    publisher = CeleryPublisher(app)
    with valkey.client() as client:
        now_ms = int(client.time()[0]) * 1000
    app.send_task("process_order", args=["foreign"])
    app.send_task("process_order", args=["foreign"], headers={"enqueued_at_ms": "yesterday"})
    for age_ms in (40_000, 90_000):
        publisher.publish(Job(TaskName.PROCESS_ORDER, ("1",), f"task-{age_ms}", now_ms - age_ms))
    # A message with a priority is in a list of its own.
    app.send_task(
        "send_notification", args=[], priority=9, headers={"enqueued_at_ms": now_ms - 7_000}
    )
    publisher.publish(Job(TaskName.SEND_NOTIFICATION, ("1",), "task", now_ms - 3_000))
    try:
        with app.connection_for_write() as connection:
            queue = connection.default_channel
            # Behind the foreign ones, which it cannot tell the age of.
            assert (await gauge.read())["default"] == Waiting(4, None)
            queue.basic_get("default"), queue.basic_get("default")
            found = await gauge.read()
    finally:
        await gauge.close()
        app.close()

    assert found["default"].depth == 2
    # The one that is taken next, not the one that was stamped first.
    assert found["default"].oldest_s == pytest.approx(40, abs=2.5)
    assert found["priority"].oldest_s == pytest.approx(7, abs=2.5)


async def test_what_beat_put_ahead_does_not_hide_how_long_the_others_wait(
    valkey: ValkeyProcess, app: Celery, make_settings: MakeSettings
) -> None:
    gauge = connect_queue_gauge(app, make_settings(redis_port=valkey.port))
    with valkey.client() as client:
        now_ms = int(client.time()[0]) * 1000
    CeleryPublisher(app).publish(Job(TaskName.PROCESS_ORDER, ("1",), "task", now_ms - 40_000))
    for name, entry in beat_schedule().items():
        app.send_task(name, **entry["options"])
    try:
        found = await gauge.read()
    finally:
        await gauge.close()
        app.close()

    assert found["default"].depth == 4
    assert found["default"].oldest_s == pytest.approx(40, abs=2.5)


@pytest.mark.parametrize("name", NONE)
async def test_whatever_stands_in_a_queue_is_counted(
    valkey: ValkeyProcess, app: Celery, make_settings: MakeSettings, name: str
) -> None:
    gauge = connect_queue_gauge(app, make_settings(redis_port=valkey.port))
    with valkey.client() as client:
        client.lpush("default", NONE[name])
    try:
        assert (await gauge.read())["default"] == Waiting(1, None)
    finally:
        await gauge.close()
        app.close()


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
async def test_a_broker_that_is_away_is_not_waited_for(
    make_settings: MakeSettings, scheme: str
) -> None:
    settings = make_settings(celery_broker_dsn=f"{scheme}://{HOST}:{free_port()}/0")
    app = create_publisher_app(settings, socket_timeout_s=1.0)
    gauge = connect_queue_gauge(app, settings)
    begun_s = time.monotonic()
    try:
        with pytest.raises(StoreUnavailable):
            await gauge.read()
    finally:
        await gauge.close()
        app.close()
    assert time.monotonic() - begun_s < 2.0


@pytest.mark.parametrize("dsn", ["memory://", "sentinel://a;b"])
async def test_another_kind_of_broker_is_not_asked(dsn: str, make_settings: MakeSettings) -> None:
    gauge = connect_queue_gauge(Celery(), make_settings(celery_broker_dsn=dsn))

    assert await gauge.read() == {}
    await gauge.close()
