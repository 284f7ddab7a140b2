"""What RabbitMQ is told, and Redis is not."""

from collections.abc import Callable

import pytest
from celery import Celery
from kombu.transport import get_transport_cls
from kombu.utils.imports import symbol_by_name

from shop.adapters.celery import rabbitmq
from shop.adapters.celery.app import create_publisher_app, create_worker_app
from shop.settings import Settings
from tests.conftest import MakeSettings

RABBITMQ, REDIS = "amqp://ann:secret@broker:5672/shop", "redis://broker/0"


def publisher(settings: Settings) -> Celery:
    return create_publisher_app(settings, socket_timeout_s=0.8)


@pytest.mark.parametrize("scheme", ["amqp", "amqps", "pyamqp"])
def test_the_broker_is_chosen_by_its_scheme(make_settings: MakeSettings, scheme: str) -> None:
    settings = make_settings(celery_broker_dsn=f"{scheme}://broker//")
    assert settings.uses_rabbitmq
    # Results and the store stay where they are.
    assert settings.backend_dsn.startswith("redis://")
    create_worker_app(settings)
    assert issubclass(get_transport_cls(scheme), rabbitmq.Transport)


@pytest.mark.parametrize("create", [create_worker_app, publisher])
def test_queues_are_quorum_queues_that_drop_nothing_for_whoever_declares_them(
    make_settings: MakeSettings, create: Callable[[Settings], Celery]
) -> None:
    app = create(make_settings(celery_broker_dsn=RABBITMQ))
    assert set(app.amqp.queues) == {"default", "priority"}
    for queue in app.amqp.queues.values():
        assert queue.queue_arguments == {
            "x-queue-type": "quorum",
            "x-delivery-limit": 2_147_483_647,
        }
        assert queue.durable
        assert queue.exchange.durable
        assert queue.exchange.delivery_mode in (None, 2)

    on_redis = create(make_settings(celery_broker_dsn=REDIS))
    assert {queue.queue_arguments for queue in on_redis.amqp.queues.values()} == {None}


def test_who_publishes_waits_for_the_confirmation_and_not_for_ever(
    make_settings: MakeSettings,
) -> None:
    options = publisher(make_settings(celery_broker_dsn=RABBITMQ)).conf.broker_transport_options
    assert options["confirm_publish"] is True
    assert options["socket_timeout"] == 0.8
    assert options["max_retries"] == 1
    assert "visibility_timeout" not in options


def test_who_consumes_notices_a_silent_broker_and_declares_no_more_queues_than_it_reads(
    make_settings: MakeSettings,
) -> None:
    app = create_worker_app(make_settings(celery_broker_dsn=RABBITMQ))
    assert app.conf.broker_heartbeat == rabbitmq.HEARTBEAT_S
    assert app.conf.broker_connection_retry_on_startup
    assert app.conf.broker_connection_max_retries is None
    steps = symbol_by_name(app.conf.worker_consumer).Blueprint.default_steps
    assert any("consumer.tasks:Tasks" in step for step in steps)
    assert not any("delayed_delivery" in step for step in steps)
