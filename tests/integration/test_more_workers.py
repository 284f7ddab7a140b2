"""More than one worker of each kind, as `docker compose up --scale` starts them."""

from collections.abc import Iterator

import pytest

from testing.stack import BEAT, FLOWER, WORKER_DEFAULT, WORKER_PRIORITY, Stack
from testing.stacks.local import LocalStack
from tests.integration.customer import Customer, Goods

KINDS = (WORKER_DEFAULT, WORKER_PRIORITY)
ORDERS = 10


@pytest.fixture(scope="module")
def shared_stack() -> Iterator[LocalStack]:
    with LocalStack(without={BEAT, FLOWER}, copies=dict.fromkeys(KINDS, 2)) as stack:
        yield stack


def live(stack: Stack) -> dict[str, set[str]]:
    """The workers of each queue that have shown themselves, without their machine."""
    store = stack.redis()
    return {
        queue: {name.partition("@")[0] for name in store.zrange(f"workers:{queue}", 0, -1)}
        for queue in ("default", "priority")
    }


def test_all_of_them_show_themselves(customer: Customer, stack: Stack) -> None:
    expected = {queue: {queue, f"{queue}-2"} for queue in ("default", "priority")}

    customer.until("all workers live", lambda: live(stack) == expected)


@pytest.mark.parametrize("killed", KINDS)
def test_one_of_each_kind_does_what_the_other_had_in_hand(
    customer: Customer, goods: Goods, stack: Stack, killed: str
) -> None:
    worker = stack.service(killed)
    worker.pause()
    order_ids = [customer.place(goods.sku, qty=1) for _ in range(ORDERS)]
    worker.kill()
    try:
        for order_id in order_ids:
            customer.invoiced(order_id)
        customer.until(
            "all customers were told", lambda: stack.redis().zcard("notifications:open") == 0
        )
    finally:
        worker.start()
    assert goods.left == 0
