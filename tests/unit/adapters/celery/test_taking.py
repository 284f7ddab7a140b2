"""Messages taken from Redis in one step, and acknowledged with the next."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kombu import Connection, Consumer, Exchange
from kombu import Queue as KombuQueue
from kombu.asynchronous import Hub
from redis import Redis

from shop.adapters.celery.app import create_worker_app
from shop.adapters.celery.left_behind import left_behind_at
from testing.servers import ValkeyProcess
from testing.waiting import wait_for
from tests.conftest import MakeSettings

ORDERS = KombuQueue("orders", Exchange("orders"), routing_key="orders")
OTHERS = KombuQueue("others", Exchange("others"), routing_key="others")
WITHIN_S = 10.0


@pytest.fixture
def broker(valkey: ValkeyProcess) -> Iterator[Redis]:
    with valkey.client(0) as client:
        client.script_flush()
        yield client


@pytest.fixture
def connection(valkey: ValkeyProcess, make_settings: MakeSettings) -> Iterator[Connection]:
    app = create_worker_app(make_settings(redis_port=valkey.port))
    with app.connection_for_read() as connection:
        yield connection


class Listening:
    """A worker's event loop, with what came of it."""

    def __init__(self, connection: Connection, *queues: KombuQueue, room: int) -> None:
        self.received: list[Any] = []
        self.hub = Hub()
        self.channel: Any = connection.channel()
        self.consumer = Consumer(self.channel, list(queues), on_message=self.received.append)
        self.consumer.qos(prefetch_count=room)
        connection.register_with_event_loop(self.hub)
        self.consumer.consume()

    def until(self, what: str, condition: Callable[[], object]) -> None:
        def turned() -> object:
            self.hub.run_once()
            return condition()

        wait_for(what, turned, within_s=WITHIN_S)

    def numbers(self) -> list[int]:
        return [message.payload["number"] for message in self.received]


@pytest.fixture
def listen(connection: Connection) -> Iterator[Callable[..., Listening]]:
    opened: list[Listening] = []

    def listen(*queues: KombuQueue, room: int = 10) -> Listening:
        opened.append(Listening(connection, *(queues or (ORDERS,)), room=room))
        return opened[-1]

    yield listen
    connection.close()
    for one in opened:
        one.hub.close()


def send(connection: Connection, *numbers: int, **options: Any) -> None:
    with connection.clone() as other:
        producer = other.Producer()
        for number in numbers:
            producer.publish(
                {"number": number},
                exchange=ORDERS.exchange,
                routing_key=ORDERS.routing_key,
                declare=[ORDERS],
                **options,
            )


def test_messages_come_in_their_order_and_are_written_down(
    connection: Connection, broker: Redis, listen: Callable[..., Listening]
) -> None:
    send(connection, 1, 2, 3)
    worker = listen()
    worker.until("all are there", lambda: len(worker.received) == 3)

    assert worker.numbers() == [1, 2, 3]
    written = broker.hgetall("unacked")
    assert sorted(written) == sorted(broker.zrange("unacked_index", 0, -1))
    assert {message.delivery_tag for message in worker.received} == set(written)
    for message, exchange, routing_key in map(json.loads, written.values()):
        assert message["properties"]["delivery_info"]["routing_key"] == "orders"
        assert (exchange, routing_key) == ("", "orders")


def test_what_nobody_acknowledges_is_not_written_down(
    connection: Connection, broker: Redis
) -> None:
    """Replies to `inspect` come that way: to Flower, and to whoever asks workers something."""
    send(connection, 1, 2)
    received: list[Any] = []
    with connection.Consumer([ORDERS], no_ack=True, on_message=received.append):
        while len(received) < 2:
            connection.drain_events(timeout=WITHIN_S)

    assert not broker.exists("unacked", "unacked_index", "orders")


def test_no_more_are_taken_than_there_is_room_for(
    connection: Connection, broker: Redis, listen: Callable[..., Listening]
) -> None:
    send(connection, 1, 2, 3)
    worker = listen(room=2)
    worker.until("two are there", lambda: len(worker.received) == 2)
    worker.hub.run_once()

    assert (broker.llen("orders"), broker.hlen("unacked")) == (1, 2)


def test_one_that_comes_later_wakes_the_worker(
    connection: Connection, listen: Callable[..., Listening]
) -> None:
    worker = listen()
    worker.until("it waits", lambda: worker.channel._read == worker.channel._read_woken)
    send(connection, 1)

    worker.until("it is there", lambda: worker.numbers() == [1])


def test_what_is_acknowledged_is_forgotten(
    connection: Connection, broker: Redis, listen: Callable[..., Listening]
) -> None:
    send(connection, 1, 2)
    worker = listen()
    worker.until("both are there", lambda: len(worker.received) == 2)
    worker.received[0].ack()
    worker.until("the first is forgotten", lambda: broker.hlen("unacked") == 1)
    worker.received[1].reject()
    worker.until("the second is forgotten", lambda: broker.hlen("unacked") == 0)

    assert broker.zcard("unacked_index") == 0


def test_an_acknowledgement_makes_room(
    connection: Connection, listen: Callable[..., Listening]
) -> None:
    send(connection, 1, 2)
    worker = listen(room=1)
    worker.until("the first is there", lambda: worker.numbers() == [1])
    worker.received[0].ack()

    worker.until("the second is there", lambda: worker.numbers() == [1, 2])


def test_what_is_in_hand_goes_back_when_the_connection_is_closed(
    connection: Connection, broker: Redis, listen: Callable[..., Listening]
) -> None:
    send(connection, 1, 2)
    worker = listen()
    worker.until("both are there", lambda: len(worker.received) == 2)
    worker.received[0].ack()
    connection.close()

    (left,) = broker.lrange("orders", 0, -1)
    assert json.loads(left)["headers"] == {"redelivered": True}
    assert not broker.exists("unacked", "unacked_index")


def test_what_was_taken_and_not_heard_of_goes_back(
    connection: Connection, broker: Redis, listen: Callable[..., Listening]
) -> None:
    worker = listen()
    worker.until("it waits", lambda: worker.channel._read == worker.channel._read_woken)
    send(connection, 1)
    worker.until("it is woken", lambda: worker.channel._may_be_more)
    # It asks, and never comes to read the reply.
    connection.transport.cycle.on_poll_start()
    wait_for("it is taken", lambda: broker.hlen("unacked") == 1, within_s=WITHIN_S)
    connection.close()

    assert broker.llen("orders") == 1
    assert not broker.exists("unacked", "unacked_index")


def test_messages_of_every_priority_are_taken(
    connection: Connection, listen: Callable[..., Listening]
) -> None:
    send(connection, 1, priority=9)
    send(connection, 2, priority=0)
    worker = listen()

    worker.until("both are there", lambda: sorted(worker.numbers()) == [1, 2])


def test_a_server_that_was_made_to_forget_is_taught_again(
    connection: Connection, broker: Redis, listen: Callable[..., Listening]
) -> None:
    send(connection, 1)
    worker = listen(room=1)
    worker.until("the first is there", lambda: worker.numbers() == [1])
    broker.script_flush()
    send(connection, 2)
    worker.received[0].ack()

    worker.until("the second is there", lambda: worker.numbers() == [1, 2])
    assert broker.hlen("unacked") == 1


def test_several_queues_are_consumed_as_kombu_does(
    connection: Connection, broker: Redis, listen: Callable[..., Listening]
) -> None:
    send(connection, 1)
    worker = listen(ORDERS, OTHERS)
    worker.until("it is there", lambda: worker.numbers() == [1])
    worker.received[0].ack()

    worker.until("it is forgotten", lambda: broker.hlen("unacked") == 0)


def test_a_forked_process_leaves_what_is_in_hand_to_its_parent(
    connection: Connection, broker: Redis, listen: Callable[..., Listening]
) -> None:
    worker = listen()
    worker.until("it waits", lambda: worker.channel._read == worker.channel._read_woken)
    send(connection, 1)
    worker.until("it is woken", lambda: worker.channel._may_be_more)
    connection.transport.cycle.on_poll_start()
    wait_for("it is taken", lambda: broker.hlen("unacked") == 1, within_s=WITHIN_S)

    worker.channel._after_fork()

    assert (broker.hlen("unacked"), broker.llen("orders")) == (1, 0)


@pytest.mark.parametrize("waits", [False, True])
def test_a_refusal_is_a_reason_to_connect_anew(
    connection: Connection, broker: Redis, listen: Callable[..., Listening], waits: bool
) -> None:
    send(connection, 1)
    worker = listen()
    worker.until("it is there", lambda: bool(worker.received))
    if waits:
        worker.until("it waits", lambda: worker.channel._read == worker.channel._read_woken)
    broker.config_set("min-replicas-to-write", 1)
    try:
        worker.received[0].ack()

        with pytest.raises(connection.connection_errors):
            worker.until("it notices", lambda: False)
    finally:
        broker.config_set("min-replicas-to-write", 0)


@pytest.mark.parametrize("waits", [False, True])
def test_a_damaged_key_is_a_reason_to_connect_anew(
    connection: Connection, broker: Redis, listen: Callable[..., Listening], waits: bool
) -> None:
    send(connection, 1)
    worker = listen()
    worker.until("it is there", lambda: bool(worker.received))
    if waits:
        worker.until("it waits", lambda: worker.channel._read == worker.channel._read_woken)
    broker.set("unacked", "somebody's")
    worker.received[0].ack()

    # To a worker, both are: it sets `broker_channel_error_retry`.
    with pytest.raises((*connection.connection_errors, *connection.channel_errors)):
        worker.until("it notices", lambda: False)
    broker.delete("unacked")


@contextmanager
def refusing(broker: Redis) -> Iterator[None]:
    broker.config_set("min-replicas-to-write", 1)
    try:
        yield
    finally:
        broker.config_set("min-replicas-to-write", 0)


@pytest.mark.parametrize("becomes", ["acknowledged", "put back", "still in hand"])
def test_what_redis_refused_to_hear_is_said_on_the_next_connection(
    connection: Connection,
    broker: Redis,
    listen: Callable[..., Listening],
    make_settings: MakeSettings,
    valkey: ValkeyProcess,
    becomes: str,
) -> None:
    send(connection, 1, 2)
    worker = listen(room=2)
    worker.until("both are there", lambda: len(worker.received) == 2)
    with refusing(broker):
        if becomes == "acknowledged":
            worker.received[0].ack()
        elif becomes == "put back":
            with pytest.raises(connection.connection_errors):
                worker.received[0].requeue()
        connection.close()
        if becomes == "still in hand":
            # Its task comes to its end while there is no connection.
            worker.received[0].ack()
    assert broker.hlen("unacked") == 2

    app = create_worker_app(make_settings(redis_port=valkey.port))
    with app.connection_for_read() as another:
        assert another.default_channel

    waiting = [json.loads(message) for message in broker.lrange("orders", 0, -1)]
    assert broker.hlen("unacked") == 0
    assert broker.zcard("unacked_index") == 0
    assert len(waiting) == (2 if becomes == "put back" else 1)
    assert all(message["headers"]["redelivered"] for message in waiting)


@pytest.mark.parametrize("becomes", ["acknowledged", "put back"])
def test_what_is_left_behind_later_is_said_too(
    connection: Connection, broker: Redis, listen: Callable[..., Listening], becomes: str
) -> None:
    """A thread comes late, with a message of a connection that another has followed already."""
    send(connection, 1)
    worker = listen()
    worker.until("it is there", lambda: bool(worker.received))
    left, tag = left_behind_at(connection.as_uri()), worker.received[0].delivery_tag
    if becomes == "acknowledged":
        left.acknowledge([tag])
        worker.until("Redis knows", lambda: not broker.exists("unacked"))
    else:
        left.give_back([tag])
        worker.until("it comes again", lambda: worker.numbers() == [1, 1])

    assert not left
    assert broker.hlen("unacked") == (0 if becomes == "acknowledged" else 1)


def test_a_full_redis_takes_messages_back(
    connection: Connection, broker: Redis, listen: Callable[..., Listening]
) -> None:
    send(connection, 1, 2, 3)
    worker = listen(room=3)
    worker.until("they are there", lambda: len(worker.received) == 3)
    broker.config_set("maxmemory", 1)
    try:
        connection.close()
    finally:
        broker.config_set("maxmemory", 0)

    assert broker.hlen("unacked") == 0
    assert broker.llen("orders") == 3


@pytest.mark.parametrize("text", [b"hello", b"5", b"[]", b'{"properties": {}}', b"\xff\xfe"])
def test_what_is_no_message_goes_back_as_it_was(
    connection: Connection, broker: Redis, text: bytes
) -> None:
    channel = connection.default_channel
    broker.hset("unacked", "a-tag", b"[" + text + b',"","orders"]')
    broker.zadd("unacked_index", {"a-tag": 1})

    channel.qos.restore_by_tag("a-tag")

    assert broker.hlen("unacked") == broker.zcard("unacked_index") == 0
    assert int(broker.eval("return #redis.call('RPOP', KEYS[1])", 1, "orders")) == len(text)
