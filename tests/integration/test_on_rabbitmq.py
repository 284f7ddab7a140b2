"""A whole shop whose broker is RabbitMQ, in every run; `nox -s rabbitmq` runs all suites on it."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from shop.adapters import doctor
from testing.brokers import RABBITMQ_BROKER
from testing.stack import FLOWER, RABBITMQ, STORE_DB, WORKER_DEFAULT, Stack
from testing.stacks.base import wait_until_broker_answers
from testing.stacks.local import LocalStack
from testing.stacks.rabbitmq import STARTS_WITHIN_S
from tests.conftest import MakeSettings
from tests.integration.customer import Customer, Goods
from tests.integration.test_metrics import gauges

pytestmark = pytest.mark.rabbitmq


@pytest.fixture(scope="module")
def shared_stack() -> Iterator[LocalStack]:
    with LocalStack(without={FLOWER}, broker=RABBITMQ_BROKER) as stack:
        yield stack


def test_what_waits_is_counted_and_what_a_killed_worker_held_is_done(
    customer: Customer, goods: Goods, stack: Stack
) -> None:
    worker = stack.service(WORKER_DEFAULT)
    worker.pause()
    order_ids = [customer.place(goods.sku, qty=1) for _ in range(9)]
    seen = gauges(customer.http.get("/metrics"))
    worker.kill()
    worker.start()

    # A frozen worker may have been given some before it froze, and those wait no more.
    assert 0 < seen["shop_queue_depth/default"] <= len(order_ids)
    assert seen["shop_queue_depth/priority"] == 0
    for order_id in order_ids:
        customer.invoiced(order_id)
    assert goods.left == 1


def test_orders_are_taken_while_rabbitmq_is_dead_and_done_once_it_is_back(
    customer: Customer, goods: Goods, stack: Stack
) -> None:
    rabbitmq = stack.service(RABBITMQ)
    rabbitmq.kill()
    try:
        order_id = customer.place(goods.sku)
        assert customer.seen(order_id)["status"] == "pending"
    finally:
        rabbitmq.start()
    wait_until_broker_answers(stack, STARTS_WITHIN_S)

    customer.invoiced(order_id)
    assert goods.left == 8


def test_the_doctor_finds_the_broker_and_its_queues(
    stack: Stack, make_settings: MakeSettings
) -> None:
    settings = make_settings(
        redis_port=urlsplit(stack.redis_url(STORE_DB)).port, celery_broker_dsn=stack.broker.url
    )
    findings = {one.check: one for one in doctor.examine(settings, api_url=stack.base_url)}

    assert findings["RabbitMQ, broker"].state is doctor.State.OK
    assert "Redis, broker" not in findings
    assert findings["queue default"].detail == "1 live worker, 0 tasks wait"
    assert findings["API"].state is doctor.State.OK
