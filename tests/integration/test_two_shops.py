"""Two shops on one broker: each keeps its own orders, and the second one is told."""

import os
from collections.abc import Iterator

import pytest

from shop.local.ready import http_ok
from testing.brokers import RABBITMQ_BROKER, chosen_broker
from testing.stack import API, BEAT, FLOWER, START_WITHIN_S, WORKER_DEFAULT
from testing.stacks.local import LocalStack
from testing.stacks.ports import HOST
from testing.stacks.processes import ProcessHandle
from testing.waiting import wait_for
from tests.integration.customer import Customer, Goods, new_id

pytestmark = pytest.mark.skipif(
    chosen_broker() == RABBITMQ_BROKER, reason="a database of Redis is what is owned"
)


@pytest.fixture
def stack() -> Iterator[LocalStack]:
    with LocalStack(without={BEAT, FLOWER}) as stack:
        yield stack


def restart_as_another_shop(stack: LocalStack, name: str) -> ProcessHandle:
    handle = stack.service(name)
    assert isinstance(handle, ProcessHandle)
    handle.set_variable("REDIS_DB", "3")
    handle.restart()
    return handle


def test_what_the_second_shop_takes_in_waits_and_is_worked_on_once_it_has_a_broker(
    stack: LocalStack,
) -> None:
    with Customer(stack) as customer:
        first = customer.place(Goods(stack.redis(), level=10, price_minor=1_990).sku)
        customer.invoiced(first)

        restart_as_another_shop(stack, API)
        port = int(stack.base_url.rpartition(":")[2])
        live = http_ok(HOST, port, "/health/live")
        wait_for("the API is there", live, within_s=START_WITHIN_S, explain=stack.describe)
        goods = Goods(stack.redis(3), level=10, price_minor=1_990)
        order_id = customer.place(goods.sku, order_id=new_id("second"))
        ready = customer.http.get("/health/ready")
        assert ready.status_code == 503
        assert "broker: it belongs to another shop" in ready.text
        assert (
            "database 2 of the same server; this one's is database 3" in stack.service(API).logs()
        )
        assert not stack.redis().exists(f"order:{order_id}")
        assert stack.broker.waiting("default") == 0

        worker = restart_as_another_shop(stack, WORKER_DEFAULT)
        wait_for(
            "the second shop's worker ends",
            lambda: worker.exit_code == os.EX_CONFIG,
            within_s=START_WITHIN_S,
            explain=stack.describe,
        )
        assert stack.redis(3).get(f"order:{order_id}:status") == "pending"

        # The first shop has moved, and the operator says so.
        stack.redis(0).delete("shop:owner")
        worker.start()
        customer.invoiced(order_id)
        assert goods.left == 8
