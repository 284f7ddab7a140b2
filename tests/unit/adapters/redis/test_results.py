"""Results that are on the store's server, and on another one."""

import fakeredis
import pytest

from shop.adapters.celery.app import create_worker_app
from shop.adapters.redis.orders import RedisOrderBook
from shop.adapters.redis.results import Results, result_key
from shop.domain.errors import OrderNotRetriable
from tests.builders import an_order, follow_ups
from tests.conftest import MakeSettings


def test_they_are_named_as_celery_names_them(make_settings: MakeSettings) -> None:
    backend = create_worker_app(make_settings()).backend

    assert backend.get_key_for_task("task-1") == result_key("task-1").encode()


@pytest.mark.parametrize("beside_store", [True, False])
def test_an_order_that_is_taken_up_again_has_none(beside_store: bool) -> None:
    server = fakeredis.FakeServer()
    store = fakeredis.FakeRedis(server=server, db=2, decode_responses=True)
    shelf = server if beside_store else fakeredis.FakeServer()
    results = fakeredis.FakeRedis(server=shelf, db=1, decode_responses=True)
    book = RedisOrderBook(
        store, overdue_after_ms=0, results=Results(results, beside_store=beside_store)
    )
    order = an_order()
    book.begin(order, "task-1", "one")
    results.mset({result_key("task-1"): "kept", result_key("task-2"): "another's"})
    with pytest.raises(OrderNotRetriable):
        book.revive(order.id)
    assert results.exists(result_key("task-1"))
    book.settle(order.id, order.item, follow_ups(order))

    book.revive(order.id)

    assert results.keys() == [result_key("task-2")]
    assert store.get(f"order:{order.id}:status") == "pending"
