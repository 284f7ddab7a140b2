"""A worker that has work and starts none of it ends itself, and its work is done all the same."""

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


def test_a_worker_that_stopped_consuming_ends_itself(
    customer: Customer, goods: Goods, stack: Stack
) -> None:
    worker = stack.service(WORKER_DEFAULT)
    # Alive, connected and deaf: what its lost subscriptions look like from outside.
    stack.celery().control.cancel_consumer("default", reply=True, timeout=5)

    order_id = customer.place(goods.sku)

    customer.until("the worker has ended itself", lambda: not worker.is_running)
    assert "this worker ends itself" in worker.logs()
    assert customer.seen(order_id)["status"] == "pending"

    worker.start()
    customer.invoiced(order_id)
    assert goods.left == 8
