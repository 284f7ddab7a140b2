"""What a worker's connection to its broker does when Redis closes a part of it, or is gone."""

from collections.abc import Iterator
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from kombu import Connection, Consumer, Exchange
from kombu import Queue as KombuQueue

from shop.adapters.celery.app import create_worker_app
from testing.servers import ValkeyProcess, running_valkey
from testing.waiting import wait_for
from tests.conftest import MakeSettings

ORDERS = KombuQueue("orders", Exchange("orders"), routing_key="orders")
#: As Celery's own for remote control.
EVERYBODY = KombuQueue("everybody", Exchange("everybody", type="fanout"))
#: Where a read waits without a limit, nothing comes in any time.
NOTICED_WITHIN_S = 5.0


@pytest.fixture
def server() -> Iterator[ValkeyProcess]:
    """One that a test may end."""
    with running_valkey() as server:
        yield server


@pytest.fixture
def connection(
    server: ValkeyProcess, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Connection]:
    # A foreign client of an earlier test may have had kombu remember its own transport.
    monkeypatch.setattr("kombu.transport._transport_cache", {})
    app = create_worker_app(make_settings(redis_port=server.port))
    with app.connection_for_read() as connection:
        yield connection


@pytest.fixture
def received(connection: Connection) -> list[Any]:
    """Messages in hand; there is room for one."""
    received: list[Any] = []
    channel = connection.channel()
    consumer = Consumer(channel, [ORDERS, EVERYBODY], on_message=received.append)
    consumer.qos(prefetch_count=1)
    consumer.consume()
    return received


def drained(connection: Connection, timeout_s: float = 0.2) -> str:
    """What came of waiting for a message for so long."""
    try:
        connection.drain_events(timeout=timeout_s)
    except TimeoutError:
        return "nothing came"
    except connection.connection_errors:
        return "the connection is lost"
    return "something came"


def send(connection: Connection) -> None:
    with connection.clone() as other:
        other.Producer().publish({}, exchange=ORDERS.exchange, routing_key=ORDERS.routing_key)


@pytest.mark.usefixtures("received")
def test_a_subscription_that_redis_closes_is_noticed(
    server: ValkeyProcess, connection: Connection
) -> None:
    wait_for("it is subscribed", lambda: drained(connection) == "nothing came", within_s=5)
    outcomes: Queue[str] = Queue()

    def drain() -> None:
        while True:
            outcome = drained(connection)
            if outcome == "the connection is lost":
                outcomes.put(outcome)
                return

    with server.client() as client:
        # What Redis does with a subscriber that is too slow for it.
        assert client.client_kill_filter(_type="pubsub") == 1
    Thread(target=drain, daemon=True).start()

    assert outcomes.get(timeout=NOTICED_WITHIN_S) == "the connection is lost"


@pytest.mark.parametrize("answer", ["ack", "reject", "requeue"])
def test_an_answer_that_redis_does_not_hear_leaves_room_for_the_next_message(
    server: ValkeyProcess, connection: Connection, received: list[Any], answer: str
) -> None:
    send(connection)
    wait_for("a message is in hand", lambda: drained(connection) and received, within_s=5)
    (message,) = received
    qos = message.channel.qos
    assert not qos.can_consume()

    server.kill()
    with pytest.raises(connection.connection_errors):
        getattr(message, answer)()

    assert qos.can_consume()
