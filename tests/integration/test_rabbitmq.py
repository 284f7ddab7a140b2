"""RabbitMQ as the broker: what it confirmed stays, and what it is told holds on a real node.

The whole suite runs on it with `SHOP_BROKER=rabbitmq`.
"""

from collections.abc import Iterator

import pytest
from celery import Celery

from shop.adapters.celery.app import create_publisher_app, create_worker_app
from shop.adapters.celery.publisher import CeleryPublisher
from shop.domain.work import Job, Queue, TaskName
from shop.settings import Settings
from testing.brokers import RabbitMqBroker, rabbitmq_url
from testing.stack import ServiceHandle
from testing.stacks.ports import stable_port
from testing.stacks.rabbitmq import STARTS_WITHIN_S, running_rabbitmq
from testing.waiting import wait_for
from tests.conftest import MakeSettings

pytestmark = pytest.mark.rabbitmq

SOCKET_TIMEOUT_S = 0.8
#: Of which RabbitMQ's own default would be 20.
MANY_DELIVERIES = 25


@pytest.fixture(scope="module")
def port() -> int:
    return stable_port()


@pytest.fixture(scope="module")
def node(port: int) -> Iterator[ServiceHandle]:
    with running_rabbitmq(port) as node:
        until_it_answers(node, port)
        yield node


@pytest.fixture
def settings(node: ServiceHandle, port: int, make_settings: MakeSettings) -> Settings:
    return make_settings(celery_broker_dsn=rabbitmq_url(port))


@pytest.fixture
def app(settings: Settings) -> Iterator[Celery]:
    app = create_publisher_app(settings, socket_timeout_s=SOCKET_TIMEOUT_S)
    yield app
    with app.connection_for_write() as connection:
        for queue in Queue:
            app.amqp.queues[queue].bind(connection.default_channel).declare()
            connection.default_channel.queue_purge(queue)
    app.close()


@pytest.fixture
def publisher(app: Celery) -> CeleryPublisher:
    return CeleryPublisher(app)


def until_it_answers(node: ServiceHandle, port: int) -> None:
    broker = RabbitMqBroker(rabbitmq_url(port))
    wait_for("RabbitMQ answers", broker.is_up, within_s=STARTS_WITHIN_S, explain=node.logs)
    broker.close()


def order(number: int) -> Job:
    return Job(
        TaskName.PROCESS_ORDER, (str(number), "SKU-1", 1, "a@example.com"), f"task-{number}", 1
    )


def taken_first(app: Celery) -> tuple[str, bool]:
    """The id of the task that a worker would get now, and whether it was delivered before.

    The connection is closed then, as a killed worker's is.
    """
    with app.connection_for_read() as connection:
        message = connection.default_channel.basic_get(Queue.DEFAULT)
        return message.headers["id"], message.delivery_info["redelivered"]


def test_a_message_comes_back_to_the_head_when_its_worker_dies_and_as_often_as_it_takes(
    app: Celery, publisher: CeleryPublisher
) -> None:
    for number in range(3):
        publisher.publish(order(number))
    assert taken_first(app) == ("task-0", False)
    for _ in range(MANY_DELIVERIES):
        wait_for("it is back", lambda: waiting(app) == 3, within_s=5.0)
        assert taken_first(app) == ("task-0", True)


def test_a_message_that_is_handed_back_is_the_next_one_again_and_as_often_as_it_takes(
    app: Celery, publisher: CeleryPublisher
) -> None:
    for number in range(2):
        publisher.publish(order(number))
    with app.connection_for_read() as connection:
        channel = connection.default_channel
        seen = []
        for _ in range(2 * MANY_DELIVERIES):
            message = channel.basic_get(Queue.DEFAULT)
            seen.append(message.headers["id"])
            channel.basic_reject(message.delivery_tag, requeue=True)
    assert seen == ["task-0"] * 2 * MANY_DELIVERIES
    assert waiting(app) == 2


def test_a_worker_may_come_back_before_rabbitmq_has_noticed_that_it_was_away(
    settings: Settings,
) -> None:
    worker = create_worker_app(settings)
    mailbox = worker.control.mailbox
    with worker.connection_for_read() as silent, worker.connection_for_read() as again:
        for connection in (silent, again):
            queue = mailbox.get_queue("default@here").bind(connection.default_channel)
            queue.declare()
            queue.consume("mailbox", lambda message: None)
        assert queue.queue_declare(passive=True).consumer_count == 2
    worker.close()


def waiting(app: Celery) -> int:
    with app.connection_for_read() as connection:
        return int(connection.default_channel.queue_declare(Queue.DEFAULT, passive=True)[1])
