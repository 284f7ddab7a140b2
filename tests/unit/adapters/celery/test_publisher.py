"""Publications, read back from the broker's own lists."""

import asyncio
import json
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from shop.adapters.celery.app import create_publisher_app
from shop.adapters.celery.config import API_SOCKET_TIMEOUT_S
from shop.adapters.celery.lists import AsyncListPublisher, ListPublisher
from shop.adapters.celery.publisher import AsyncCeleryPublisher, CeleryPublisher
from shop.adapters.redis.client import connect, connect_async
from shop.bootstrap import PUBLISH_TIMEOUT_S
from shop.domain.errors import PublishFailed
from shop.domain.work import Job, Queue, TaskName
from shop.settings import Settings
from testing.servers import ValkeyProcess, free_port, running_valkey
from tests.builders import ANN
from tests.conftest import MakeSettings

GRACE_S = 0.7

PROCESS = Job(TaskName.PROCESS_ORDER, ("1001", "SKU-1", 2, ANN), "task-1", 1_772_366_400_000)
INVOICE = Job(
    TaskName.GENERATE_INVOICE,
    ("1001", {"item": "SKU-1", "qty": 2, "email": ANN}),
    "task-2",
    1_772_366_400_001,
)
NOTIFY = Job(TaskName.SEND_NOTIFICATION, (ANN, "Hello"), "task-3", 1_772_366_400_002)


@dataclass
class Message:
    """One message as it lies in a queue."""

    headers: dict[str, Any]
    properties: dict[str, Any]
    args: list[Any]
    kwargs: dict[str, Any]

    @property
    def seen_by_watchers(self) -> str:
        """All but the body: what events, Flower and logs show."""
        return json.dumps([self.headers, self.properties])


def messages(server: ValkeyProcess, queue: str) -> list[Message]:
    with server.client(0) as client:
        stored = [json.loads(text) for text in client.lrange(queue, 0, -1)]
    # Pushed to the left and taken from the right: the oldest is last.
    return [
        Message(
            message["headers"], message["properties"], *json.loads(b64decode(message["body"]))[:2]
        )
        for message in reversed(stored)
    ]


@pytest.fixture
def settings(valkey: ValkeyProcess, make_settings: MakeSettings) -> Settings:
    return make_settings(redis_port=valkey.port)


def through_celery(settings: Settings) -> Iterator[CeleryPublisher]:
    app = create_publisher_app(settings, socket_timeout_s=API_SOCKET_TIMEOUT_S)
    yield CeleryPublisher(app)
    app.close()


def onto_the_list(settings: Settings) -> Iterator[CeleryPublisher]:
    app = create_publisher_app(settings, socket_timeout_s=API_SOCKET_TIMEOUT_S)
    with connect(settings.broker_dsn, "test-publisher") as broker:
        yield ListPublisher(app, broker)
    app.close()


Opener = Callable[[Settings], Iterator[CeleryPublisher]]


@pytest.fixture(params=[through_celery, onto_the_list], ids=lambda opener: opener.__name__)
def publisher_for(request: pytest.FixtureRequest) -> Opener:
    """Both ways: they must not differ in anything that a worker could see."""
    opener: Opener = request.param
    return opener


@pytest.fixture
def publisher(settings: Settings, publisher_for: Opener) -> Iterator[CeleryPublisher]:
    yield from publisher_for(settings)


AsyncPublisher = AsyncCeleryPublisher | AsyncListPublisher


def async_through_celery(settings: Settings) -> AsyncPublisher:
    app = create_publisher_app(settings, socket_timeout_s=API_SOCKET_TIMEOUT_S)
    return AsyncCeleryPublisher(app, threads=2, timeout_s=PUBLISH_TIMEOUT_S)


def async_onto_the_list(settings: Settings) -> AsyncPublisher:
    app = create_publisher_app(settings, socket_timeout_s=API_SOCKET_TIMEOUT_S)
    broker = connect_async(settings.broker_dsn, "test-publisher")
    return AsyncListPublisher(app, broker, timeout_s=PUBLISH_TIMEOUT_S)


both_from_the_api = pytest.mark.parametrize(
    "open_async", [async_through_celery, async_onto_the_list]
)


class TestForm:
    """Celery's own message is the measure: an upgrade that changes it must not go unnoticed."""

    @pytest.mark.parametrize(
        "job",
        [
            PROCESS,
            INVOICE,
            NOTIFY,
            Job(
                TaskName.SEND_NOTIFICATION,
                (ANN, '100 % "off" \\ \n <task id> Žluť 🎁'),
                "task-4",
                1,
            ),
            Job(TaskName.PROCESS_ORDER, ("%s%(x)s", "<args>", 1, ANN), "<shown>", 0),
        ],
        ids=["order", "invoice", "notification", "awkward text", "what looks like a gap"],
    )
    def test_what_is_pushed_is_what_celery_would_push(
        self, settings: Settings, valkey: ValkeyProcess, job: Job
    ) -> None:
        # One app, for replies would go to another queue for each.
        app = create_publisher_app(settings, socket_timeout_s=API_SOCKET_TIMEOUT_S)
        with connect(settings.broker_dsn, "test-publisher") as broker:
            for publisher in (CeleryPublisher(app), ListPublisher(app, broker)):
                publisher.publish(job)
        app.close()

        with valkey.client(0) as client:
            queue = publisher.queue_of(job.task)
            theirs, ours = (json.loads(text) for text in reversed(client.lrange(queue, 0, -1)))
        tags = [message["properties"].pop("delivery_tag") for message in (theirs, ours)]
        assert len(set(tags)) == 2
        assert ours == theirs

    def test_each_delivery_has_a_tag_of_its_own(
        self, publisher: CeleryPublisher, valkey: ValkeyProcess
    ) -> None:
        publisher.publish(PROCESS)
        publisher.publish(PROCESS)

        tags = {message.properties["delivery_tag"] for message in messages(valkey, "default")}
        assert len(tags) == 2

    @both_from_the_api
    async def test_the_api_publishes_the_same(
        self,
        settings: Settings,
        valkey: ValkeyProcess,
        open_async: Callable[[Settings], AsyncPublisher],
    ) -> None:
        publisher = open_async(settings)
        await asyncio.gather(*(publisher.publish(job) for job in (PROCESS, INVOICE, NOTIFY)))
        await publisher.close()

        assert {message.headers["id"] for message in messages(valkey, "default")} == {
            "task-1",
            "task-2",
        }
        (notification,) = messages(valkey, "priority")
        assert notification.args == [ANN, "Hello"]


class TestMessage:
    def test_it_says_what_is_to_be_done(
        self, publisher: CeleryPublisher, valkey: ValkeyProcess
    ) -> None:
        publisher.publish(PROCESS)

        (message,) = messages(valkey, "default")
        assert message.headers["task"] == "process_order"
        assert message.headers["id"] == "task-1"
        assert message.headers["enqueued_at_ms"] == 1_772_366_400_000
        assert message.args == ["1001", "SKU-1", 2, ANN]
        assert message.kwargs == {}
        assert message.properties["delivery_mode"] == 2
        assert message.properties["delivery_info"]["routing_key"] == "default"

    def test_the_oldest_is_taken_first(
        self, publisher: CeleryPublisher, valkey: ValkeyProcess
    ) -> None:
        publisher.publish(PROCESS)
        publisher.publish(INVOICE)

        assert [message.headers["id"] for message in messages(valkey, "default")] == [
            "task-1",
            "task-2",
        ]

    def test_notifications_wait_in_a_queue_of_their_own(
        self, publisher: CeleryPublisher, valkey: ValkeyProcess
    ) -> None:
        publisher.publish(NOTIFY)

        (message,) = messages(valkey, "priority")
        assert message.args == [ANN, "Hello"]
        assert messages(valkey, "default") == []

    @pytest.mark.parametrize("job", [PROCESS, INVOICE, NOTIFY], ids=lambda job: job.task.value)
    def test_watchers_see_no_address(
        self, publisher: CeleryPublisher, valkey: ValkeyProcess, job: Job
    ) -> None:
        publisher.publish(job)

        (message,) = messages(valkey, publisher.queue_of(job.task))
        assert ANN not in message.seen_by_watchers
        assert "Hello" not in message.seen_by_watchers

    def test_watchers_see_which_order_it_is_about(
        self, publisher: CeleryPublisher, valkey: ValkeyProcess
    ) -> None:
        publisher.publish(PROCESS)

        (message,) = messages(valkey, "default")
        assert message.headers["argsrepr"] == "('1001', ...)"

    def test_no_result_is_waited_for(
        self, publisher: CeleryPublisher, valkey: ValkeyProcess
    ) -> None:
        publisher.publish(PROCESS)

        with valkey.client(1) as client:
            assert client.pubsub_channels() == []
            assert list(client.scan_iter()) == []


class TestQueues:
    def test_a_queue_is_idle_until_something_waits(
        self, publisher: CeleryPublisher, valkey: ValkeyProcess
    ) -> None:
        assert publisher.is_idle("default")
        publisher.publish(PROCESS)
        assert not publisher.is_idle("default")
        assert publisher.is_idle("priority")

        with valkey.client(0) as client:
            client.rpop("default")

        assert publisher.is_idle("default")

    def test_jobs_go_where_the_publisher_says(
        self, publisher: CeleryPublisher, valkey: ValkeyProcess
    ) -> None:
        for job in (PROCESS, INVOICE, NOTIFY):
            publisher.publish(job)

        assert {
            message.headers["task"]: queue for queue in Queue for message in messages(valkey, queue)
        } == {job.task: publisher.queue_of(job.task) for job in (PROCESS, INVOICE, NOTIFY)}

    def test_the_labs_control_puts_notifications_among_the_orders(
        self, valkey: ValkeyProcess, make_settings: MakeSettings, publisher_for: Opener
    ) -> None:
        settings = make_settings(redis_port=valkey.port, notification_queue="default")
        for publisher in publisher_for(settings):
            publisher.publish(NOTIFY)

            assert publisher.queue_of(TaskName.SEND_NOTIFICATION) == "default"
        assert len(messages(valkey, "default")) == 1


@pytest.fixture(scope="module")
def own_server() -> Iterator[ValkeyProcess]:
    """One that may be frozen and killed."""
    with running_valkey(appendonly=True) as server:
        yield server


class TestOutage:
    @pytest.fixture
    def settings(self, own_server: ValkeyProcess, make_settings: MakeSettings) -> Settings:
        return make_settings(redis_port=own_server.port)

    def test_a_broker_that_is_away_is_told_apart(
        self, make_settings: MakeSettings, publisher_for: Opener
    ) -> None:
        for publisher in publisher_for(make_settings(redis_port=free_port())):
            with pytest.raises(PublishFailed):
                publisher.publish(PROCESS)
            with pytest.raises(PublishFailed):
                publisher.is_idle("default")

    def test_it_publishes_again_once_the_broker_is_back(
        self, publisher: CeleryPublisher, own_server: ValkeyProcess
    ) -> None:
        publisher.publish(PROCESS)
        own_server.kill()
        with pytest.raises(PublishFailed):
            publisher.publish(PROCESS)

        own_server.start()

        publisher.publish(NOTIFY)
        assert not publisher.is_idle("priority")

    @both_from_the_api
    async def test_a_frozen_broker_costs_the_api_no_more_than_its_timeout(
        self,
        settings: Settings,
        own_server: ValkeyProcess,
        open_async: Callable[[Settings], AsyncPublisher],
    ) -> None:
        publisher = open_async(settings)
        await publisher.publish(PROCESS)
        own_server.freeze()
        began_s = time.monotonic()
        try:
            # More than there are threads: the others wait their turn, and not for longer.
            refused = await asyncio.gather(
                *(publisher.publish(PROCESS) for _ in range(10)), return_exceptions=True
            )
            took_s = time.monotonic() - began_s
        finally:
            own_server.thaw()
            await publisher.close()

        assert {type(error) for error in refused} == {PublishFailed}
        assert took_s < PUBLISH_TIMEOUT_S + GRACE_S
