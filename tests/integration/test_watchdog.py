"""A worker that has work and starts none of it ends itself, and its work is done all the same."""

import signal
from collections.abc import Iterator

import pytest

from testing.stack import WORKER_DEFAULT, Stack
from testing.stacks.local import LocalStack
from tests.integration.customer import Customer, Goods


@pytest.fixture(scope="module")
def shared_stack() -> Iterator[LocalStack]:
    """Impatient: it judges after 2 s."""
    with LocalStack({"STALL_AFTER_S": "2"}) as stack:
        yield stack


def test_a_worker_that_starts_nothing_ends_itself(
    customer: Customer, goods: Goods, stack: Stack
) -> None:
    worker = stack.service(WORKER_DEFAULT)
    # Alive, connected and of no use: what it takes is held, and never started.
    _, *pool = worker.pids()
    for pid in pool:
        worker.send_signal(pid, signal.SIGSTOP)

    # One more than it holds.
    orders = [customer.place(goods.sku, qty=1) for _ in range(4 * len(pool) + 1)]

    customer.until("the worker has ended itself", lambda: not worker.is_running)
    assert "this worker ends itself" in worker.logs()
    assert customer.seen(orders[0])["status"] == "pending"

    worker.start()
    for order_id in orders:
        customer.invoiced(order_id)
