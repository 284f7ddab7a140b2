"""A worker that is told to stop under a flood ends soon, and leaves nothing in its hand."""

import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest
from redis.client import PubSub

from shop.local.service import Service
from shop.local.services import STOP_WORKER_WITHIN_S
from testing.brokers import REDIS_BROKER, chosen_broker
from testing.stack import BEAT, BROKER_DB, FLOWER, WORKER_DEFAULT, WORKER_PRIORITY
from testing.stacks.local import LocalStack
from testing.stacks.processes import ProcessHandle
from testing.waiting import wait_for

pytestmark = pytest.mark.skipif(
    chosen_broker() != REDIS_BROKER, reason="looks into kombu's keys of what is in hand"
)

STOPS = 3
#: Messages for each worker, enough for all the stops.
FLOOD = {WORKER_DEFAULT: 1_000, WORKER_PRIORITY: 150}
STARTS_WITHIN_S = 60.0
DONE_WITHIN_S = 90.0
SLOW_EVENTS = "tests.faults.slow_events"
#: Where kombu publishes what goes to all who listen, here to the exchange of events.
EVENTS = "*celeryev*"


def _with_slow_events(service: Service) -> Service:
    argv = tuple(SLOW_EVENTS if part == "shop.worker" else part for part in service.argv)
    return replace(service, argv=argv)


@pytest.fixture(scope="module")
def shared_stack() -> Iterator[LocalStack]:
    """Nobody repairs what a stop loses, and orders put nothing into the other worker's hand."""
    settings = {
        "SWEEP_EVERY_S": "0",
        "ORDER_NOTIFICATIONS": "false",
        "NOTIFICATION_DELAY_MS": "500",
    }
    with LocalStack(settings, without={BEAT, FLOWER}, alter=_with_slow_events) as stack:
        yield stack


@pytest.fixture
def events(stack: LocalStack) -> Iterator[PubSub]:
    """Somebody who listens to the workers' events: without one, those of tasks are left out."""
    with stack.redis(BROKER_DB).pubsub() as events:
        events.psubscribe(EVENTS)
        yield events


@pytest.fixture
def flooded(stack: LocalStack, request: pytest.FixtureRequest) -> ProcessHandle:
    """One worker with more work than it can do."""
    app = stack.celery()
    stack.redis().set("stock:FLOOD", FLOOD[WORKER_DEFAULT])
    for number in range(FLOOD[request.param]):
        if request.param == WORKER_DEFAULT:
            order = (f"flood-{number}", "FLOOD", 1, "ann@example.com")
            app.send_task("process_order", order, queue="default")
        else:
            notice = ("ann@example.com", f"flood {number}")
            app.send_task("send_notification", notice, queue="priority")
    app.close()
    worker = stack.service(request.param)
    assert isinstance(worker, ProcessHandle)
    return worker


@pytest.mark.parametrize("flooded", [WORKER_DEFAULT, WORKER_PRIORITY], indirect=True)
def test_a_stop_under_a_flood_is_short_and_loses_nothing(
    stack: LocalStack, events: PubSub, flooded: ProcessHandle
) -> None:
    broker = stack.redis(BROKER_DB)
    queue = flooded.name.removeprefix("worker-")
    for _ in range(STOPS):
        wait_for(
            "work is in hand and waits",
            lambda: broker.hlen("unacked") > 0 and broker.llen(queue) > 0,
            within_s=STARTS_WITHIN_S,
            explain=stack.describe,
        )

        flooded.kill(signal.SIGTERM)
        wait_for(
            "the worker ends",
            lambda: not flooded.is_running,
            within_s=STOP_WORKER_WITHIN_S,
            explain=stack.describe,
        )

        assert flooded.exit_code == 0
        assert broker.hlen("unacked") == 0
        flooded.stop()
        flooded.start()

    wait_for(
        "nothing waits or is in hand",
        lambda: not broker.exists(queue, "unacked"),
        within_s=DONE_WITHIN_S,
        explain=stack.describe,
    )
    succeeded = set(_succeeded(flooded.logs()))
    assert len(succeeded) == FLOOD[flooded.name]
    assert any(channel.endswith("task.multi") for channel in _channels(events))


def _channels(events: PubSub) -> Iterator[str]:
    """Where the events that came so far were published."""
    while (message := events.get_message()) is not None:
        yield message["channel"]


def _succeeded(log: str) -> Iterator[str]:
    """Ids of tasks that the log says have succeeded."""
    for line in log.splitlines():
        if ("process_order[" in line or "send_notification[" in line) and "succeeded" in line:
            yield line.partition("[")[2].partition("]")[0]
