"""A message is a hint: what it stood for is done without it."""

from collections.abc import Iterator
from contextlib import contextmanager

from testing.stack import BEAT, WORKER_DEFAULT, WORKER_PRIORITY, Stack
from tests.integration.customer import Customer, Goods


def test_work_whose_messages_were_lost_is_found_and_done(
    customer: Customer, goods: Goods, stack: Stack
) -> None:
    broker = stack.broker
    # Nor Beat: what it sends every five minutes would be among what waits.
    with _without(stack, WORKER_DEFAULT, WORKER_PRIORITY, BEAT):
        order_ids = [customer.place(goods.sku) for _ in range(3)]
        task_id = customer.notify("lost on the way")
        assert (broker.waiting("default"), broker.waiting("priority")) == (3, 1)
        broker.lose("default")
        broker.lose("priority")
        for order_id in order_ids:
            assert customer.seen(order_id)["status"] == "pending"

    stack.wait_ready()
    for order_id in order_ids:
        customer.invoiced(order_id)
        assert customer.seen(order_id)["status"] == "processed"
    assert goods.left == 4
    assert customer.ended(task_id)["result"] == {"status": "delivered"}
    customer.until("nothing is owed any more", lambda: _owed(stack) == 0)


@contextmanager
def _without(stack: Stack, *names: str) -> Iterator[None]:
    # Both workers may be one container.
    services = {id(service): service for service in map(stack.service, names)}
    for service in services.values():
        service.stop()
    try:
        yield
    finally:
        for service in services.values():
            service.start()


def _owed(stack: Stack) -> int:
    store = stack.redis()
    return int(store.zcard("orders:open") + store.zcard("notifications:open"))
