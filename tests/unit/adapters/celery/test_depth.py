"""How much waits in the queues: what kombu put there, and brokers that cannot be asked."""

import time

import pytest
from celery import Celery

from shop.adapters.celery.app import create_publisher_app
from shop.adapters.celery.depth import connect_queue_gauge
from shop.domain.errors import StoreUnavailable
from testing.servers import HOST, ValkeyProcess, free_port
from tests.conftest import MakeSettings


@pytest.fixture
def app(valkey: ValkeyProcess, make_settings: MakeSettings) -> Celery:
    return create_publisher_app(make_settings(redis_port=valkey.port), socket_timeout_s=1.0)


async def test_what_was_published_and_not_taken_waits(valkey: ValkeyProcess, app: Celery) -> None:
    gauge = connect_queue_gauge(valkey.dsn(0))
    try:
        assert await gauge.depths() == {"default": 0, "priority": 0}

        for _ in range(3):
            app.send_task("process_order", args=["1001"])
        # A foreign client may give a number, which kombu keeps a list of its own for.
        app.send_task("process_order", args=["1001"], priority=9)
        app.send_task("send_notification", args=["ann@example.com", "Hello"])
        assert await gauge.depths() == {"default": 4, "priority": 1}

        with app.connection_for_write() as connection:
            assert connection.default_channel.basic_get("default") is not None
            assert await gauge.depths() == {"default": 3, "priority": 1}
    finally:
        await gauge.close()
        app.close()


async def test_a_broker_that_is_away_is_not_waited_for() -> None:
    gauge = connect_queue_gauge(f"redis://{HOST}:{free_port()}/0")
    begun_s = time.monotonic()
    try:
        with pytest.raises(StoreUnavailable):
            await gauge.depths()
    finally:
        await gauge.close()
    assert time.monotonic() - begun_s < 2.0


@pytest.mark.parametrize("dsn", ["amqp://guest@broker:5672//", "memory://", "sentinel://a;b"])
async def test_another_kind_of_broker_is_not_asked(dsn: str) -> None:
    gauge = connect_queue_gauge(dsn)

    assert await gauge.depths() == {}
    await gauge.close()
