"""Round trips that several commands of a thread share."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from shop.adapters.redis.client import connect, same_server
from shop.adapters.redis.trips import Command, RoundTrips
from testing.servers import ValkeyProcess


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
