"""`messages:dead`: bounded, counted, and nothing of it lost or doubled on the way."""

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from shop.adapters.redis.client import connect
from shop.adapters.redis.dead_messages import MAX_BYTES, MAX_ENTRIES, RedisDeadMessages
from shop.domain.errors import StoreUnavailable
from shop.domain.messages import DeadMessage
from testing.servers import HOST, ValkeyProcess, free_port, running_valkey


@pytest.fixture
def client(valkey: ValkeyProcess) -> Iterator[Redis]:
    with connect(valkey.dsn(2), "tests", retries=0) as client:
        yield client


@pytest.fixture
def messages(client: Redis) -> RedisDeadMessages:
    return RedisDeadMessages(client)


def dead(raw: bytes = b"hello", **changed: Any) -> DeadMessage:
    return DeadMessage(**{"queue": "default", "why": "it is none", "raw": raw} | changed)


def test_an_entry_says_what_it_was_and_when(client: Redis, messages: RedisDeadMessages) -> None:
    before_ms = int(client.time()[0]) * 1000
    messages.keep(dead("grüße".encode(), task="erp.book"))

    (entry,) = messages.entries()
    assert before_ms <= entry.pop("at_ms") <= before_ms + 60_000
    assert len(entry.pop("id")) == 32
    assert entry == {
        "queue": "default",
        "why": "it is none",
        "task": "erp.book",
        "bytes": 7,
        "cut_bytes": 0,
        "encoding": "utf-8",
        "message": "grüße",
    }
    assert client.hgetall("metrics:dead") == {"message": "1"}
    assert client.ttl("messages:dead") == -1


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"\x00", "\ud800".encode(errors="surrogatepass")])
def test_what_is_no_text_is_kept_as_it_is(messages: RedisDeadMessages, raw: bytes) -> None:
    messages.keep(dead(raw))

    (entry,) = messages.entries()
    text = entry["message"]
    assert (b64decode(text) if entry["encoding"] == "base64" else text.encode()) == raw


@pytest.mark.parametrize(
    "raw", [b"x" * (MAX_BYTES + 5), "ü".encode() * MAX_BYTES, b"\xff" * 70_000]
)
def test_a_long_one_is_cut_and_says_so(messages: RedisDeadMessages, raw: bytes) -> None:
    messages.keep(dead(raw))

    (entry,) = messages.entries()
    text = entry["message"]
    kept = b64decode(text) if entry["encoding"] == "base64" else text.encode()
    assert raw.startswith(kept)
    assert MAX_BYTES - 3 <= len(kept) <= MAX_BYTES
    assert (entry["bytes"], entry["cut_bytes"]) == (len(raw), len(raw) - MAX_BYTES)


def test_there_are_so_many_and_no_more(client: Redis, messages: RedisDeadMessages) -> None:
    client.rpush("messages:dead", *["{}"] * MAX_ENTRIES)
    messages.keep(dead())

    assert messages.size() == MAX_ENTRIES
    assert json.loads(client.lindex("messages:dead", 0))["message"] == "hello"


def test_repeated_by_the_client_it_is_one_entry(
    client: Redis, messages: RedisDeadMessages, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(**call: Any) -> None:
        for _ in range(2):
            keep(**call)

    keep = messages._keep
    monkeypatch.setattr(messages, "_keep", twice)
    messages.keep(dead())

    assert messages.size() == 1
    assert client.hget("metrics:dead", "message") == "1"


def test_what_somebody_put_there_is_shown(client: Redis, messages: RedisDeadMessages) -> None:
    client.lpush("messages:dead", "by hand", "5", "{}")

    assert [entry["message"] for entry in messages.entries()] == ["{}", "5", "by hand"]


def test_a_full_server_keeps_nothing_and_says_so() -> None:
    with running_valkey() as server, connect(server.dsn(2), "tests", retries=0) as client:
        client.config_set("maxmemory", 1)
        messages = RedisDeadMessages(client)
        with pytest.raises(StoreUnavailable):
            messages.keep(dead())
        assert messages.size() == 0
        client.config_set("maxmemory", 0)
        messages.keep(dead())
        assert messages.size() == 1


def test_a_server_that_is_away_is_asked_once() -> None:
    messages = RedisDeadMessages(connect(f"redis://{HOST}:{free_port()}/2", "tests", retries=0))
    for call in (lambda: messages.keep(dead()), messages.entries, messages.size):
        with pytest.raises(StoreUnavailable):
            call()
