"""A patch breaks what it says, in this process, and for as long as it is entered."""

from collections.abc import Callable, Iterator

import fakeredis
import pytest
from redis import Redis

from shop import bootstrap
from shop.adapters.redis import orders, scripts
from shop.adapters.redis.orders import RedisOrderBook
from shop.domain.errors import StoreUnavailable
from shop.domain.order import OrderStatus
from shop.domain.work import TaskName
from shop.services.ordering import OrderDesk
from testing.fakes import FakeAsyncPublisher, FakeOrderIntake, FakePublisher, FakeStore
from testing.sabotage import patches
from testing.sabotage.patches import PATCHES, HastyOrderDesk, PatchDoesNotFit
from testing.sabotage.registry import SABOTAGES
from tests.builders import an_order, follow_ups


@pytest.fixture
def client() -> Iterator[Redis]:
    with fakeredis.FakeRedis(decode_responses=True) as client:
        client.set("stock:SKU-1", 5)
        yield client


def a_book(client: Redis) -> RedisOrderBook:
    """As a worker would build it now."""
    return bootstrap.RedisOrderBook(client, overdue_after_ms=2_000)


Process = Callable[..., str]


@pytest.fixture(params=[True, False], ids=["in one step", "in two"])
def process(request: pytest.FixtureRequest) -> Process:
    """What a worker does with an order, whether there is something to prepare or not."""

    def in_one_step(book: RedisOrderBook, order_id: str, delivery: str = "1") -> str:
        order = an_order(order_id)
        drawn = follow_ups(order, suffix=delivery)
        settled = book.begin_and_settle(order, f"task-{order_id}", delivery, drawn, max_attempts=10)
        assert settled is not None
        return settled.status

    def in_two(book: RedisOrderBook, order_id: str, delivery: str = "1") -> str:
        order = an_order(order_id)
        book.begin(order, f"task-{order_id}", delivery)
        return book.settle(order.id, order.item, follow_ups(order, suffix=delivery)).status

    return in_one_step if request.param else in_two


def test_each_is_used_and_is_there() -> None:
    assert {name for each in SABOTAGES.values() if (name := each.change.patch)} == set(PATCHES)


@pytest.mark.parametrize("name", PATCHES)
def test_it_is_gone_afterwards(name: str) -> None:
    def parts() -> tuple[object, ...]:
        return bootstrap.RedisOrderBook, bootstrap.OrderDesk, orders.source

    before = parts()
    with PATCHES[name]():
        assert parts() != before
    assert parts() == before


def test_without_idempotency_a_repeated_task_takes_stock_again(
    client: Redis, process: Process
) -> None:
    client.set("stock:SKU-1", 10)
    sound = a_book(client)
    with patches.no_idempotency():
        broken = a_book(client)

    for delivery in "12":
        process(sound, "1", delivery)
    assert client.get("stock:SKU-1") == "8"
    for delivery in "12":
        process(broken, "2", delivery)
    assert client.get("stock:SKU-1") == "4"


def test_with_stock_outside_all_is_well_while_nobody_comes_between(
    client: Redis, process: Process
) -> None:
    with patches.stock_outside():
        book = a_book(client)

        statuses = [process(book, order_id) for order_id in "1234"]
        again = process(book, "1", "2")

    assert statuses == ["processed", "processed", "failed", "failed"]
    assert again == "processed"
    assert client.get("stock:SKU-1") == "1"
    assert client.hget("order:3", "reason") == "out_of_stock"


def test_with_stock_outside_an_unknown_item_is_unknown(client: Redis, process: Process) -> None:
    client.delete("stock:SKU-1")
    with patches.stock_outside():
        assert process(a_book(client), "1") == "failed"
    assert client.hget("order:1", "reason") == "unknown_item"
    assert not client.exists("stock:SKU-1")


def test_with_stock_outside_two_at_the_same_time_oversell(
    client: Redis, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.set("stock:SKU-1", 2)
    with patches.stock_outside():
        book, neighbour = a_book(client), a_book(client)
        look = client.hget

        def come_between(key: str, field: str) -> object:
            """After the level was read, and before it is lowered."""
            monkeypatch.undo()
            assert process(neighbour, "2") == "processed"
            return look(key, field)

        monkeypatch.setattr(client, "hget", come_between)

        assert process(book, "1") == "processed"
    assert client.get("stock:SKU-1") == "-2"


async def test_publishing_first_accepts_what_it_could_not_record() -> None:
    store, publisher = FakeStore(available=False), FakePublisher()

    placement = await HastyOrderDesk(FakeOrderIntake(store), FakeAsyncPublisher(publisher)).place(
        an_order()
    )

    assert placement.created
    assert placement.status is OrderStatus.PENDING
    assert [job.task_id for job in publisher.sent(TaskName.PROCESS_ORDER)] == [placement.task_id]
    assert store.orders == {}


async def test_publishing_first_records_nothing_that_it_could_not_publish() -> None:
    store, publisher = FakeStore(), FakePublisher(failing=True)
    desk = HastyOrderDesk(FakeOrderIntake(store), FakeAsyncPublisher(publisher))

    with pytest.raises(StoreUnavailable):
        await desk.place(an_order())
    assert store.orders == {}


async def test_publishing_first_does_as_the_sound_one_while_nothing_fails() -> None:
    store, publisher = FakeStore(), FakePublisher()
    with patches.publishing_first():
        assert bootstrap.OrderDesk is HastyOrderDesk
    desk = HastyOrderDesk(FakeOrderIntake(store), FakeAsyncPublisher(publisher))

    placement = await desk.place(an_order())

    assert bootstrap.OrderDesk is OrderDesk
    assert store.orders["1001"].task_id == placement.task_id
    assert [job.task_id for job in publisher.jobs] == [placement.task_id]


@pytest.mark.parametrize("name", [patches.NO_IDEMPOTENCY, patches.STOCK_OUTSIDE])
def test_a_script_that_has_changed_is_not_patched(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = scripts.body("settle_order")
    monkeypatch.setattr(scripts, "body", lambda _: sound + sound)

    with pytest.raises(PatchDoesNotFit, match=r"settle_order\.lua"), PATCHES[name]():
        pytest.fail("entered")
