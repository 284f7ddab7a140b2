"""The proxy knows each round trip of a real server, and spoils the one that it is told to."""

import threading
import time
from collections.abc import Iterator

import pytest
from redis import Redis, exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from shop.adapters.redis.scripts import Script
from testing.faults.refusals import TRIP_FAULTS, Kind
from testing.faults.resp_proxy import RespProxy
from testing.faults.trips import Point, Trip, command_of, key_template
from testing.servers import ValkeyProcess
from testing.waiting import wait_for

NAME = "somebody"


@pytest.fixture
def proxy(valkey: ValkeyProcess) -> Iterator[RespProxy]:
    with RespProxy(valkey.port) as proxy:
        yield proxy


@pytest.fixture(params=[2, 3])
def client(proxy: RespProxy, request: pytest.FixtureRequest) -> Iterator[Redis]:
    with Redis(
        port=proxy.port,
        protocol=request.param,
        client_name=NAME,
        decode_responses=True,
        socket_timeout=10,
        retry=Retry(NoBackoff(), 0),
    ) as client:
        client.ping()
        proxy.forget()
        yield client


@pytest.fixture
def direct(valkey: ValkeyProcess) -> Iterator[Redis]:
    with valkey.client() as client:
        yield client


def passed(proxy: RespProxy) -> list[str]:
    return [trip.point.command for trip in proxy.trips]


def is_set(trip: Trip) -> bool:
    return trip.point.command.startswith("SET ")


def test_what_goes_through_is_as_it_was(client: Redis, proxy: RespProxy) -> None:
    with client.pipeline(transaction=True) as pipe:
        pipe.hset("h", mapping={"a": "1", "b": "\r\n" * 3})
        pipe.hgetall("h")
        pipe.lpush("l", *map(str, range(100)))
        replies = pipe.execute()
    large = "x" * 300_000

    assert replies == [2, {"a": "1", "b": "\r\n" * 3}, 100]
    assert client.set("large", large)
    assert client.get("large") == large
    assert client.lrange("l", 0, 1) == ["99", "98"]
    assert client.get("nothing") is None
    assert passed(proxy)[:5] == ["MULTI", "HSET h", "HGETALL h", "LPUSH l", "EXEC"]
    assert {trip.point.connection for trip in proxy.trips} == {NAME}


def test_a_blocking_command_is_answered_when_it_is_time(client: Redis, direct: Redis) -> None:
    got: list[object] = []
    waiting = threading.Thread(target=lambda: got.append(client.brpop("list", 5)))
    waiting.start()
    wait_for("it waits", lambda: direct.info("clients")["blocked_clients"] == 1, within_s=5)
    direct.lpush("list", "a")
    waiting.join(10)
    assert [list(reply) for reply in got] == [["list", "a"]]  # type: ignore[call-overload]


def test_a_subscriber_hears(client: Redis, direct: Redis, proxy: RespProxy) -> None:
    with client.pubsub() as pubsub:
        pubsub.psubscribe("news.*")
        assert pubsub.get_message(timeout=5)["type"] == "psubscribe"  # type: ignore[index]
        direct.publish("news.1", "a")
        direct.publish("news.2", "b")
        heard = [pubsub.get_message(timeout=5)["data"] for _ in range(2)]  # type: ignore[index]
    assert heard == ["a", "b"]
    assert "PSUBSCRIBE news.*" in passed(proxy)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, fault in TRIP_FAULTS.items()
        if fault.kind is Kind.REFUSE and name not in ("NOSCRIPT", "script-OOM")
    ],
)
def test_a_command_is_refused_in_the_servers_words(
    name: str, proxy: RespProxy, client: Redis, direct: Redis
) -> None:
    with (
        proxy.injecting(TRIP_FAULTS[name], is_set, times=1) as injection,
        pytest.raises(exceptions.RedisError) as raised,
    ):
        client.set("a", 1)

    assert len(injection.hits) == 1
    assert not direct.exists("a")
    assert str(raised.value)
    assert client.set("a", 1), "healed"


def test_the_words_are_told_apart_by_redis_py(proxy: RespProxy, client: Redis) -> None:
    kinds = {
        "OOM": exceptions.OutOfMemoryError,
        "READONLY": exceptions.ReadOnlyError,
        "LOADING": exceptions.BusyLoadingError,
        "NOAUTH": exceptions.AuthenticationError,
        "NOPERM": exceptions.NoPermissionError,
        "max-clients": exceptions.ConnectionError,
    }
    for name, kind in kinds.items():
        with proxy.injecting(TRIP_FAULTS[name], is_set, times=1), pytest.raises(kind):
            client.set("a", 1)


def test_scripts_are_refused_in_words_of_their_own(proxy: RespProxy, client: Redis) -> None:
    script = "return redis.call('SET', KEYS[1], '1')"
    sha1 = client.script_load(script)
    with (
        proxy.injecting(TRIP_FAULTS["NOSCRIPT"]),
        pytest.raises(exceptions.NoScriptError),
    ):
        client.evalsha(sha1, 1, "a")
    for run, said in ((client.evalsha, sha1), (client.eval, script)):
        with (
            proxy.injecting(TRIP_FAULTS["script-OOM"]),
            pytest.raises(exceptions.ResponseError, match=f"f_{sha1}.*OOM"),
        ):
            run(said, 1, "a")
    with proxy.injecting(TRIP_FAULTS["NOSCRIPT"]) as injection:
        client.set("a", 1)
    assert not injection.hits, "it is said of scripts alone"


def test_closed_before_it_is_passed_on(proxy: RespProxy, client: Redis, direct: Redis) -> None:
    with client.pipeline(transaction=False) as pipe:
        pipe.lpush("l", 1)
        pipe.set("a", 1)
        pipe.lpush("l", 2)
        with (
            proxy.injecting(TRIP_FAULTS["close"], is_set, times=1),
            pytest.raises(exceptions.ConnectionError),
        ):
            pipe.execute()

    assert not direct.exists("a")
    assert direct.llen("l") == 1, "what was asked before it was done, and nothing after"


def test_closed_before_the_reply(proxy: RespProxy, client: Redis, direct: Redis) -> None:
    with (
        proxy.injecting(TRIP_FAULTS["close-before-reply"], is_set, times=1),
        pytest.raises(exceptions.ConnectionError),
    ):
        client.set("a", 1)
    assert direct.get("a") == "1"


def test_a_reply_is_held(proxy: RespProxy, valkey: ValkeyProcess, direct: Redis) -> None:
    with (
        Redis(port=proxy.port, socket_timeout=0.2, retry=Retry(NoBackoff(), 0)) as client,
        proxy.injecting(TRIP_FAULTS["hold"], is_set, times=1),
        pytest.raises(exceptions.TimeoutError),
    ):
        client.set("a", 1)
    assert direct.get("a") == "1"


def test_what_is_held_comes_when_it_is_healed(proxy: RespProxy, client: Redis) -> None:
    got: list[object] = []
    waiting = threading.Thread(target=lambda: got.append(client.set("a", 1)))
    with proxy.injecting(TRIP_FAULTS["hold"], is_set) as injection:
        waiting.start()
        wait_for("it is held", lambda: injection.hits or None, within_s=5)
        time.sleep(0.05)
        assert got == []
    waiting.join(10)
    assert got == [True]


def test_a_transaction_with_a_refusal_is_discarded(
    proxy: RespProxy, client: Redis, direct: Redis
) -> None:
    for spoiled in ("MULTI", "SET a", "EXEC"):
        with client.pipeline(transaction=True) as pipe:
            pipe.set("a", 1)
            pipe.set("b", 1)
            with (
                proxy.injecting(
                    TRIP_FAULTS["OOM"], lambda trip, s=spoiled: trip.point.command == s, times=1
                ) as injection,
                pytest.raises(exceptions.ResponseError),
            ):
                pipe.execute()
        assert injection.hits
    assert not direct.exists("a", "b")
    assert client.set("b", 1), "the connection is of use"


def test_for_a_time_it_meets_every_trip(proxy: RespProxy, client: Redis) -> None:
    with proxy.injecting(TRIP_FAULTS["BUSY"]) as injection:
        for _ in range(5):
            with pytest.raises(exceptions.ResponseError, match="BUSY"):
                client.get("a")
    assert len(injection.hits) == 5
    assert client.get("a") is None


def test_connections_are_named_and_cut(
    proxy: RespProxy, client: Redis, valkey: ValkeyProcess
) -> None:
    with Redis(port=proxy.port, client_name="other", retry=Retry(NoBackoff(), 0)) as other:
        other.ping()
        assert proxy.names == sorted([NAME, "other"])
        assert proxy.cut("other") == 1
        assert client.ping()
        assert proxy.names == [NAME]


def test_a_point_has_no_ids_in_it() -> None:
    settle = Script.named("settle_order")
    uuid = "0b0fdb1c-2f9f-4f0e-8a35-0f0b4f9b1a11"
    assert command_of([b"evalsha", settle.sha1.encode(), b"1", b"k"]) == "EVALSHA settle_order"
    assert command_of([b"EVAL", settle.text.encode(), b"1", b"k"]) == "EVAL settle_order"
    assert command_of([b"EVAL", b"return 1", b"0"]).startswith("EVAL unknown:")
    assert command_of([b"SELECT", b"2"]) == "SELECT"
    assert command_of([b"CLIENT", b"setname", b"a"]) == "CLIENT SETNAME"
    for key, template in {
        "order:o-1:status": "order:{id}:status",
        "order:o-1": "order:{id}",
        f"task:{uuid}": "task:{id}",
        f"celery-task-meta-{uuid}": "celery-task-meta-{id}",
        "report:stock:2026-01-01": "report:stock:{date}",
        "orders:open": "orders:open",
        "stock:SKU-1": "stock:{id}",
        "default": "default",
        "/0.celeryev/worker.heartbeat": "/0.celeryev/worker.heartbeat",
        "default@host.celery.pidbox": "{node}.celery.pidbox",
    }.items():
        assert key_template(key) == template
    assert str(Point("shop-api", "PING")) == "shop-api PING"
