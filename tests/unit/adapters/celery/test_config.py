"""Celery's settings: known to it, consistent with each other, and in force on a connection."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import celery
import pytest
from celery import Celery, current_app
from celery.app.defaults import NAMESPACES, flatten
from celery.backends.base import DisabledBackend
from celery.exceptions import QueueNotFound

from shop.adapters.celery.app import create_publisher_app, create_worker_app
from shop.adapters.celery.config import (
    API_SOCKET_TIMEOUT_S,
    VISIBILITY_TIMEOUT_S,
    WORKER_SOCKET_TIMEOUT_S,
    publisher_config,
    worker_config,
)
from shop.adapters.mail import pool, session
from shop.adapters.redis.client import API_DEADLINE_S
from shop.adapters.redis.recovery import LOST_AT_LATEST_AFTER_MS
from shop.bootstrap import PUBLISH_TIMEOUT_S
from shop.domain.work import Queue, TaskName
from shop.services.notifying import BACKOFF_CAP_S
from shop.settings import Settings
from testing.servers import ValkeyProcess
from tests.conftest import MakeSettings

API_ANSWERS_WITHIN_S = 2.0
#: How long a consuming connection of kombu waits for a message at a time.
BRPOP_S = 1.0


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    # A port on which nothing listens: nothing here connects.
    return make_settings(redis_port=1)


@pytest.fixture
def worker(settings: Settings) -> Celery:
    return create_worker_app(settings)


@pytest.fixture
def publisher(settings: Settings) -> Celery:
    return create_publisher_app(settings, socket_timeout_s=API_SOCKET_TIMEOUT_S)


@pytest.fixture(params=["worker", "publisher"])
def app(request: pytest.FixtureRequest) -> Celery:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("config", [worker_config, publisher_config], ids=lambda f: f.__name__)
def test_celery_knows_every_setting(config: Any, settings: Settings) -> None:
    """A misspelt one would be kept, and mean nothing."""
    given = config(settings, **({} if config is worker_config else {"socket_timeout_s": 1.0}))
    listed = set(dict(flatten(NAMESPACES)))
    # Some are read in the source, and not in the list of defaults.
    source = "".join(
        path.read_text(encoding="utf-8") for path in Path(celery.__file__).parent.rglob("*.py")
    )

    unknown = [name for name in given if name not in listed and name not in source]

    assert unknown == []


def test_messages_are_json_and_nothing_else(app: Celery) -> None:
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_serializer == app.conf.result_serializer == "json"
    assert not app.conf.result_accept_content or app.conf.result_accept_content == ["json"]


class TestQueues:
    def test_they_are_declared_by_name(self, app: Celery) -> None:
        assert {
            queue.name: (queue.exchange.name, queue.exchange.type, queue.routing_key)
            for queue in app.conf.task_queues
        } == {
            "default": ("default", "direct", "default"),
            "priority": ("priority", "direct", "priority"),
        }

    def test_a_misspelt_one_is_an_error_before_anything_is_sent(self, app: Celery) -> None:
        with pytest.raises(QueueNotFound):
            app.send_task("process_order", queue="priorty")

    def test_notifications_have_their_own(self, app: Celery) -> None:
        assert {name.value: route(app, name) for name in TaskName} == {
            "process_order": "default",
            "generate_invoice": "default",
            "send_notification": "priority",
            "daily_stock_report": "default",
            "check_pending_orders": "default",
            "audit_stock": "default",
        }

    def test_the_labs_control_puts_them_among_the_orders(self, make_settings: MakeSettings) -> None:
        app = create_worker_app(make_settings(notification_queue="default"))

        assert {route(app, name) for name in TaskName} == {"default"}

    def test_a_task_that_nobody_routed_goes_to_the_default(self, app: Celery) -> None:
        assert app.amqp.router.route({}, "something_else")["queue"].name == Queue.DEFAULT


def route(app: Celery, name: TaskName) -> str:
    queue: str = app.amqp.router.route({}, name.value)["queue"].name
    return queue


class TestTimes:
    def test_a_lease_outlasts_whatever_may_hold_a_message(self) -> None:
        slowest_mail_s = session.LONGEST_S + pool.FREE_WITHIN_S

        assert min(VISIBILITY_TIMEOUT_S, LOST_AT_LATEST_AFTER_MS / 1000) > slowest_mail_s
        assert VISIBILITY_TIMEOUT_S > BACKOFF_CAP_S

    def test_every_app_leases_for_as_long(self, worker: Celery, publisher: Celery) -> None:
        """The shortest among those that share a broker wins."""
        leases_s = {
            app.conf.broker_transport_options["visibility_timeout"] for app in (worker, publisher)
        }

        assert leases_s == {VISIBILITY_TIMEOUT_S}

    def test_a_worker_waits_longer_for_its_broker_than_for_a_message(self) -> None:
        assert WORKER_SOCKET_TIMEOUT_S > BRPOP_S

    def test_recording_and_publishing_fit_into_the_apis_answer(self) -> None:
        assert API_DEADLINE_S + PUBLISH_TIMEOUT_S < API_ANSWERS_WITHIN_S

    @pytest.mark.parametrize(
        ("create", "timeout_s"),
        [
            (create_worker_app, WORKER_SOCKET_TIMEOUT_S),
            (
                partial(create_publisher_app, socket_timeout_s=API_SOCKET_TIMEOUT_S),
                API_SOCKET_TIMEOUT_S,
            ),
        ],
        ids=["worker", "publisher"],
    )
    def test_they_are_in_force_on_a_connection_to_the_broker(
        self,
        valkey: ValkeyProcess,
        make_settings: MakeSettings,
        create: Callable[[Settings], Celery],
        timeout_s: float,
    ) -> None:
        app = create(make_settings(redis_port=valkey.port))
        with app.connection_for_write() as connection:
            parameters = connection.default_channel.pool.connection_kwargs

        assert parameters["socket_timeout"] == timeout_s
        assert parameters["socket_connect_timeout"] == timeout_s
        assert parameters["socket_keepalive"] is True
        assert parameters["health_check_interval"] > 0
        assert parameters["retry_on_timeout"] is True

    def test_they_are_in_force_on_a_connection_to_the_results(self, worker: Celery) -> None:
        parameters = worker.backend.connparams

        assert parameters["socket_timeout"] == WORKER_SOCKET_TIMEOUT_S
        assert parameters["socket_connect_timeout"] == WORKER_SOCKET_TIMEOUT_S

    def test_beat_goes_by_the_shops_clock(self, make_settings: MakeSettings) -> None:
        app = create_worker_app(make_settings(timezone="Asia/Tokyo"))

        assert str(app.timezone) == "Asia/Tokyo"
        assert app.conf.enable_utc is True


class TestWorker:
    def test_a_message_is_acknowledged_after_the_work_and_given_back_when_its_process_dies(
        self, worker: Celery
    ) -> None:
        assert worker.conf.task_acks_late is True
        assert worker.conf.task_reject_on_worker_lost is True
        assert worker.conf.worker_prefetch_multiplier == 1

    def test_it_never_gives_up_its_broker(self, worker: Celery) -> None:
        assert worker.conf.broker_connection_retry_on_startup is True
        assert worker.conf.broker_connection_max_retries is None


class TestPublisher:
    def test_it_has_no_result_backend(self, publisher: Celery) -> None:
        assert isinstance(publisher.backend, DisabledBackend)

    def test_it_tries_once_more_and_no_longer(self, publisher: Celery) -> None:
        policy = publisher.conf.task_publish_retry_policy

        assert policy["max_retries"] == 1
        assert policy["interval_start"] == policy["interval_max"] == 0
        assert publisher.conf.broker_pool_acquire_timeout == API_SOCKET_TIMEOUT_S


def test_building_an_app_leaves_the_current_one_alone(settings: Settings) -> None:
    before = current_app._get_current_object()

    create_worker_app(settings)

    assert current_app._get_current_object() is before


def test_what_is_added_wins(settings: Settings) -> None:
    assert (
        create_worker_app(settings, worker_prefetch_multiplier=4).conf["worker_prefetch_multiplier"]
        == 4
    )
