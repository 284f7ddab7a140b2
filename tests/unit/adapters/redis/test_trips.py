"""Round trips that several commands of a thread share."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from shop.adapters.redis import trips as trips_module
from shop.adapters.redis.client import connect, same_server
from shop.adapters.redis.trips import Command, RoundTrips
from testing.servers import ValkeyProcess
from testing.waiting import wait_for


@pytest.fixture
def client(valkey: ValkeyProcess) -> Iterator[Redis]:
    with connect(valkey.dsn(2), "trips") as client:
        client.script_flush()
        yield client


@pytest.fixture
def trips(client: Redis) -> Iterator[RoundTrips]:
    trips = RoundTrips(client)
    yield trips
    trips.close()


def test_each_command_has_its_reply(trips: RoundTrips) -> None:
    assert trips.ask(Command(("ECHO", "a")), Command(("ECHO", "b"))) == ["a", "b"]


def test_what_is_posted_goes_first_with_what_is_asked_next(
    trips: RoundTrips, client: Redis
) -> None:
    with trips.together():
        trips.post(Command(("SET", "key", "posted")))
        assert client.get("key") is None

        assert trips.ask(Command(("GET", "key"))) == ["posted"]


def test_what_is_posted_alone_goes_at_once(trips: RoundTrips, client: Redis) -> None:
    trips.post(Command(("SET", "key", "posted")))

    assert client.get("key") == "posted"


def test_what_nobody_asked_for_goes_when_told(trips: RoundTrips, client: Redis) -> None:
    with trips.together():
        trips.post(Command(("SET", "key", "posted")))
    assert client.get("key") is None

    trips.flush()

    assert client.get("key") == "posted"


def test_many_may_come_and_go(client: Redis) -> None:
    for _ in range(client.connection_pool.max_connections + 1):
        trips = RoundTrips(client)
        trips.ask(Command(("PING",)))
        trips.close()


def test_threads_post_for_themselves(trips: RoundTrips, client: Redis) -> None:
    with trips.together(), ThreadPoolExecutor(1) as other:
        trips.post(Command(("SET", "mine", "1")))
        other.submit(trips.post, Command(("SET", "theirs", "1"))).result()

        assert (client.get("mine"), client.get("theirs")) == (None, "1")
        trips.flush()


def test_a_command_in_another_database_is_followed_by_one_at_home(
    trips: RoundTrips, valkey: ValkeyProcess
) -> None:
    trips.ask(Command(("SET", "key", "away"), db=1), Command(("SET", "key", "home")))
    trips.ask(Command(("SET", "last", "away"), db=1))
    trips.ask(Command(("SET", "next", "home")))

    with valkey.client(1) as away, valkey.client(2) as home:
        assert (away.get("key"), away.get("last"), away.get("next")) == ("away", "away", None)
        assert (home.get("key"), home.get("next")) == ("home", "home")


def test_a_refused_command_keeps_none_from_being_run(trips: RoundTrips, client: Redis) -> None:
    client.set("text", "a")

    with pytest.raises(ResponseError, match="WRONGTYPE"):
        trips.ask(Command(("LPUSH", "text", "b"), db=2), Command(("SET", "after", "1")))

    assert client.get("after") == "1"
    assert trips.ask(Command(("GET", "after"))) == ["1"]


def test_who_wants_to_hear_of_a_refusal_hears_alone(trips: RoundTrips, client: Redis) -> None:
    client.set("text", "a")
    heard: list[Exception] = []

    with trips.together():
        trips.post(Command(("LPUSH", "text", "b"), refused=heard.append))

        assert trips.ask(Command(("GET", "text"))) == ["a"]

    assert [type(error) for error in heard] == [ResponseError]


def test_a_script_is_taught_where_it_is_not_known(trips: RoundTrips, client: Redis) -> None:
    script = trips.script("return redis.call('INCR', KEYS[1]) + ARGV[1]")

    assert script(keys=["number"], args=[10]) == 11
    client.script_flush()
    # One that is known goes with one that is not, and is run once.
    replies = trips.ask(
        Command(("INCR", "number")),
        script.command(keys=["number"], args=[10]),
        Command(("INCR", "number")),
    )

    assert replies == [2, 14, 3]


def test_a_connection_that_was_cut_is_made_anew(trips: RoundTrips, client: Redis) -> None:
    trips.ask(Command(("SET", "key", "1"), db=1))
    client.client_kill_filter(_type="normal", skipme=True)

    assert trips.ask(Command(("SET", "key", "2")), Command(("GET", "key")))[1] == "2"
    assert client.get("key") == "2"


def test_what_was_posted_is_forgotten_with_the_server(valkey: ValkeyProcess) -> None:
    with connect("redis://127.0.0.1:1/2", "away") as away:
        trips = RoundTrips(away)
        with trips.together():
            trips.post(Command(("SET", "key", "1")))
            with pytest.raises(RedisError):
                trips.flush()

        # Nothing is left to be sent.
        trips.flush()


ADD = "return redis.call('INCRBY', KEYS[1], ARGV[1])"


def adding(trips: RoundTrips, number: int) -> Command:
    return trips.script(ADD).command(keys=["number"], args=[number])


def cut_by_server(client: Redis) -> None:
    assert client.client_kill_filter(_type="normal", skipme=True)


def is_at(client: Redis, number: int) -> bool:
    return client.get("number") == str(number)


@contextmanager
def lost_on_the_way(trips: RoundTrips) -> Iterator[None]:
    """What is sent meanwhile never arrives."""
    with patch.object(trips._line._connection, "send_packed_command"):
        yield


def test_what_is_told_is_run_and_not_waited_for(
    trips: RoundTrips, client: Redis, valkey: ValkeyProcess
) -> None:
    trips.ask(adding(trips, 1))
    with trips.together():
        trips.post(Command(("SET", "key", "posted"), db=1))
    client.client_pause(300, all=True)

    started_s = time.monotonic()
    trips.tell(adding(trips, 10))

    assert time.monotonic() - started_s < 0.2
    # Its replies are not taken for others'.
    assert trips.ask(Command(("GET", "number"))) == ["11"]
    assert trips.ask(Command(("ECHO", "a"))) == ["a"]
    with valkey.client(1) as away:
        assert away.get("key") == "posted"


def test_what_is_told_twice_is_run_twice(trips: RoundTrips) -> None:
    for _ in range(3):
        trips.tell(Command(("INCR", "number")))

    assert trips.ask(Command(("GET", "number"))) == ["3"]


@pytest.mark.parametrize("is_connected", [True, False])
def test_a_script_that_is_new_to_the_server_can_be_told(
    trips: RoundTrips, client: Redis, is_connected: bool
) -> None:
    if is_connected:
        trips.ask(Command(("PING",)))

    trips.tell(adding(trips, 10))

    # No other trip is needed.
    wait_for("it is run", lambda: is_at(client, 10), within_s=2)


def test_after_a_restart_a_script_is_new_to_the_server(trips: RoundTrips, client: Redis) -> None:
    # As far as the server's memory of scripts goes, that is what it is.
    trips.ask(adding(trips, 1))
    client.script_flush()
    cut_by_server(client)

    trips.ask(Command(("PING",)))
    trips.tell(adding(trips, 10))

    wait_for("it is run", lambda: is_at(client, 11), within_s=2)


def test_what_was_told_by_a_script_that_was_forgotten_is_run_before_the_next(
    trips: RoundTrips, client: Redis
) -> None:
    trips.ask(adding(trips, 1))
    client.script_flush()

    trips.tell(Command(("INCR", "number")), adding(trips, 10))

    assert trips.ask(Command(("INCR", "number"))) == [13]
    assert is_at(client, 13)


@pytest.mark.parametrize("is_heard", [True, False])
def test_a_refusal_of_what_was_told_is_nobody_elses(
    trips: RoundTrips, client: Redis, is_heard: bool, caplog: pytest.LogCaptureFixture
) -> None:
    client.set("text", "a")
    heard: list[Exception] = []

    trips.tell(Command(("LPUSH", "text", "b"), refused=heard.append if is_heard else None))

    assert trips.ask(Command(("GET", "text"))) == ["a"]
    assert [type(error) for error in heard] == ([ResponseError] if is_heard else [])
    logged = [record.message for record in caplog.records if "WRONGTYPE" in record.message]
    assert [" at text: " in line for line in logged] == ([] if is_heard else [True])


def test_what_was_told_and_got_lost_is_told_again_before_the_next(
    trips: RoundTrips, client: Redis
) -> None:
    trips.ask(adding(trips, 1))
    with lost_on_the_way(trips):
        trips.tell(adding(trips, 10))
    cut_by_server(client)

    assert trips.ask(Command(("INCR", "number"))) == [12]
    assert trips.ask(Command(("GET", "number"))) == ["12"]


def test_what_was_told_long_ago_is_not_told_again(
    trips: RoundTrips,
    client: Redis,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(trips_module, "TOLD_AGAIN_WITHIN_S", 0.0)
    trips.ask(adding(trips, 1))
    with lost_on_the_way(trips):
        trips.tell(adding(trips, 10))
    cut_by_server(client)

    assert trips.ask(Command(("GET", "number"))) == ["1"]
    assert "not known" in caplog.text


def test_what_was_told_and_run_is_not_told_again(trips: RoundTrips, client: Redis) -> None:
    trips.ask(adding(trips, 1))
    trips.tell(Command(("SET", "key", "1"), db=1), adding(trips, 10))
    wait_for("it is run", lambda: is_at(client, 11), within_s=2)
    cut_by_server(client)

    assert trips.ask(Command(("GET", "number"))) == ["11"]


def test_what_is_told_over_a_connection_that_was_cut_is_asked(
    trips: RoundTrips, client: Redis
) -> None:
    trips.ask(adding(trips, 1))
    cut_by_server(client)

    trips.tell(adding(trips, 10))

    assert is_at(client, 11)


def test_what_is_awaited_is_asked(trips: RoundTrips, client: Redis) -> None:
    client.set("text", "a")
    with trips.together():
        trips.post(Command(("INCR", "number"), is_awaited=True))

    trips.tell(Command(("INCR", "number")))

    assert is_at(client, 2)
    with pytest.raises(ResponseError):
        trips.tell(Command(("LPUSH", "text", "b"), is_awaited=True))


def test_what_was_told_is_forgotten_with_the_server(valkey: ValkeyProcess) -> None:
    with connect("redis://127.0.0.1:1/2", "away") as away:
        trips = RoundTrips(away)

        with pytest.raises(RedisError):
            trips.tell(Command(("SET", "key", "1")))

        trips.flush()


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("redis://h:1/0", "redis://h:1/2", True),
        ("redis://:secret@h:1/0", "redis://:secret@h:1/2", True),
        ("redis://:secret@h:1/0", "redis://:other@h:1/2", False),
        ("redis://h:1/0", "redis://h:2/0", False),
        ("redis://h:1/0", "rediss://h:1/0", False),
        ("redis://h:1/0", "amqp://h:1/0", False),
    ],
)
def test_servers_are_told_apart(one: str, other: str, is_same: bool) -> None:
    assert same_server(one, other) is is_same
