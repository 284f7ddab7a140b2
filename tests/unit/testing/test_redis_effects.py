"""What is seen of a real server's writes, and what is said of those that could not be seen."""

import hashlib
from collections.abc import Iterator

import pytest
from redis import Redis

from shop.adapters.redis.orders import RedisOrderBook
from testing.history import Effect, Kind, Observer, Sight, now_ms
from testing.observers import RedisEffects
from testing.servers import ValkeyProcess, running_valkey
from testing.waiting import wait_for
from tests.builders import an_order, follow_ups
from tests.unit.testing.memory import Memory

STORE_DB = 2
SEEN_WITHIN_S = 10.0


@pytest.fixture(scope="module")
def own_server() -> Iterator[ValkeyProcess]:
    """One that may be killed and frozen."""
    with running_valkey(appendonly=True) as server:
        yield server


@pytest.fixture
def server(own_server: ValkeyProcess) -> ValkeyProcess:
    with own_server.client() as client:
        client.flushall()
        client.config_set("notify-keyspace-events", "")
    return own_server


@pytest.fixture
def client(server: ValkeyProcess) -> Iterator[Redis]:
    with server.client(STORE_DB) as client:
        client.set("stock:SKU-1", 10)
        yield client


@pytest.fixture
def history() -> Memory:
    return Memory()


@pytest.fixture
def effects(server: ValkeyProcess, client: Redis, history: Memory) -> Iterator[RedisEffects]:
    with RedisEffects(server.dsn(STORE_DB), history) as effects:
        yield effects


def process(client: Redis, order_id: str, qty: int = 2) -> None:
    book = RedisOrderBook(client, overdue_after_ms=2_000)
    order = an_order(order_id, qty=qty)
    book.begin(order, f"task-of-{order_id}", "one")
    book.settle(order_id, order.item, follow_ups(order))


def test_stock_that_an_order_takes_is_the_orders(
    client: Redis, effects: RedisEffects, history: Memory
) -> None:
    orders = [f"order-{number}" for number in range(5)]
    for order_id in [*orders, *orders]:
        process(client, order_id)
    process(client, "too-many")
    effects.stop()

    taken = history.effects(Effect.STOCK_TAKEN)
    assert [event.subject for event in taken] == orders
    assert {event.data["sku"] for event in taken} == {"SKU-1"}


def test_stock_that_falls_otherwise_is_no_orders(
    client: Redis, effects: RedisEffects, history: Memory
) -> None:
    client.decrby("stock:SKU-1", 1)
    client.set("order:1001:other", "between")
    client.decrby("stock:SKU-1", 1)
    process(client, "1001")
    client.decrby("stock:SKU-1", 1)
    effects.stop()

    subjects = [event.subject for event in history.effects(Effect.STOCK_TAKEN)]
    assert subjects == ["", "", "1001", ""]


def test_stock_that_is_put_is_not_taken(
    client: Redis, effects: RedisEffects, history: Memory
) -> None:
    client.set("stock:SKU-1", 3)
    client.mset({"stock:SKU-1": 4, "stock:SKU-2": 4})
    effects.stop()

    assert history.effects(Effect.STOCK_TAKEN) == []


def test_an_invoice_is_seen_with_its_bytes(
    client: Redis, effects: RedisEffects, history: Memory
) -> None:
    process(client, "1001")
    book = RedisOrderBook(client, overdue_after_ms=2_000)
    for pdf in (b"%PDF \xff one", b"%PDF two"):
        book.store_invoice("1001", pdf)
    effects.stop()

    (stored,) = history.effects(Effect.INVOICE_STORED)
    assert stored.subject == "1001"
    assert stored.data["sha256"] == hashlib.sha256(b"%PDF \xff one").hexdigest()


def test_an_invoice_that_is_replaced_is_seen_twice(
    client: Redis, effects: RedisEffects, history: Memory
) -> None:
    for pdf in ("one", "two"):
        client.set("invoice:1001", pdf)
        wait_for(
            "the invoice is seen",
            lambda pdf=pdf: pdf in stored_texts(history),  # type: ignore[misc]
            within_s=SEEN_WITHIN_S,
        )

    assert stored_texts(history) == ["one", "two"]


def stored_texts(history: Memory) -> list[str]:
    texts = {hashlib.sha256(text.encode()).hexdigest(): text for text in ("one", "two")}
    return [texts[event.data["sha256"]] for event in history.effects(Effect.INVOICE_STORED)]


def test_other_databases_are_not_watched(
    server: ValkeyProcess, effects: RedisEffects, history: Memory
) -> None:
    with server.client(STORE_DB + 1) as other:
        other.set("invoice:1001", "elsewhere")
        other.decrby("stock:SKU-1", 1)
    effects.stop()

    assert {event.kind for event in history.events} == {Kind.OBSERVER}


def test_what_the_server_reported_before_is_still_reported(
    server: ValkeyProcess, client: Redis, history: Memory
) -> None:
    client.config_set("notify-keyspace-events", "Kx")

    with RedisEffects(server.dsn(STORE_DB), history):
        flags = client.config_get("notify-keyspace-events")["notify-keyspace-events"]

    assert flags is not None
    assert set(flags) == set("KExE$h")


def test_after_a_restart_it_sees_again_and_says_what_it_missed(
    server: ValkeyProcess, client: Redis, effects: RedisEffects, history: Memory
) -> None:
    process(client, "before")
    wait_for(
        "the first order is seen",
        lambda: bool(history.effects(Effect.STOCK_TAKEN)),
        within_s=SEEN_WITHIN_S,
    )
    killed_at_ms = now_ms()
    server.kill()
    server.start()
    wait_for(
        "it sees again",
        lambda: len(history.sights(Sight.WATCHING)) == 2,
        within_s=SEEN_WITHIN_S,
    )
    seeing_at_ms = now_ms()
    process(client, "after")
    effects.stop()

    assert [event.subject for event in history.effects(Effect.STOCK_TAKEN)] == ["before", "after"]
    (blind,) = history.sights(Sight.BLIND)
    assert blind.subject == Observer.STORE
    assert blind.data["from_ms"] <= killed_at_ms <= blind.data["to_ms"] <= seeing_at_ms
    assert history.events.index(blind) < history.events.index(history.sights(Sight.WATCHING)[1])


def test_a_connection_that_is_cut_is_a_window_too(
    client: Redis, effects: RedisEffects, history: Memory
) -> None:
    client.client_kill_filter(_type="pubsub")
    wait_for("it sees again", lambda: bool(history.sights(Sight.BLIND)), within_s=SEEN_WITHIN_S)
    process(client, "after")
    effects.stop()

    assert [event.subject for event in history.effects(Effect.STOCK_TAKEN)] == ["after"]


def test_a_frozen_server_does_nothing_that_could_be_missed(
    server: ValkeyProcess, client: Redis, effects: RedisEffects, history: Memory
) -> None:
    server.freeze()
    frozen_at_ms = now_ms()
    wait_for("a second passes", lambda: now_ms() > frozen_at_ms + 1_000, within_s=5.0)
    server.thaw()
    process(client, "after")
    effects.stop()

    assert [event.subject for event in history.effects(Effect.STOCK_TAKEN)] == ["after"]
    assert history.sights(Sight.BLIND) == []


def test_it_says_that_it_saw_nothing_to_the_end(
    server: ValkeyProcess, effects: RedisEffects, history: Memory
) -> None:
    killed_at_ms = now_ms()
    server.kill()
    try:
        effects.stop()
    finally:
        server.start()

    (blind,) = history.sights(Sight.BLIND)
    assert blind.data["from_ms"] <= killed_at_ms <= blind.data["to_ms"]
