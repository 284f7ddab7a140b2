"""`celery control revoke` and `terminate`: what is revoked is given up, until it is retried."""

from collections.abc import Iterator

import pytest
from celery import Celery

from shop.bootstrap import bootstrap_worker
from shop.settings import Settings
from testing.stack import BEAT, FLOWER, WORKER_DEFAULT
from testing.stacks.local import LocalStack
from tests.integration.customer import ANN, Customer, Goods, new_id

#: Long enough to be revoked meanwhile.
DELAY_MS = 1_500


@pytest.fixture(scope="module")
def slow() -> Iterator[LocalStack]:
    """A shop that does one thing at a time, and each of them slowly."""
    environment = {
        "ORDER_DELAY_MS": str(DELAY_MS),
        "NOTIFICATION_DELAY_MS": str(DELAY_MS),
        "DEFAULT_CONCURRENCY": "1",
        "PRIORITY_CONCURRENCY": "1",
        "ORDER_NOTIFICATIONS": "false",
    }
    with LocalStack(environment, broker="redis", without=(BEAT, FLOWER)) as stack:
        yield stack


@pytest.fixture
def stack(slow: LocalStack) -> LocalStack:
    slow.wait_ready()
    return slow


@pytest.fixture
def operator(stack: LocalStack) -> Iterator[Celery]:
    client = stack.celery()
    yield client
    client.close()


def task_of(customer: Customer, order_id: str) -> str:
    task_id: str = customer.seen(order_id)["task_id"]
    return task_id


def revoke(operator: Celery, task_id: str, *, terminate: bool = False) -> None:
    replies = operator.control.revoke(task_id, terminate=terminate, reply=True, timeout=5.0)
    assert replies


def retry(stack: LocalStack, order_id: str) -> None:
    """As `shop order retry` does."""
    port = int(stack.redis_url(0).rpartition(":")[2].partition("/")[0])
    bootstrap_worker(Settings(redis_port=port)).processor.retry(order_id)


def assert_revoked(customer: Customer, order_id: str, task_id: str) -> None:
    order = customer.decided(order_id)
    assert (order["status"], order["reason"]) == ("failed", "revoked")
    task = customer.ended(task_id)
    assert (task["state"], task["ready"]) == ("REVOKED", True)


def assert_processed(customer: Customer, order_id: str, task_id: str) -> None:
    customer.invoiced(order_id)
    order = customer.seen(order_id)
    assert (order["status"], order["reason"], order["task_id"]) == ("processed", None, task_id)
    assert customer.ended(task_id)["result"]["status"] == "processed"


def test_an_order_that_waits_is_revoked_and_taken_up_again(
    stack: LocalStack, customer: Customer, goods: Goods, operator: Celery
) -> None:
    ahead, revoked = (customer.place(goods.sku) for _ in range(2))
    task_id = task_of(customer, revoked)
    revoke(operator, task_id)

    assert_revoked(customer, revoked, task_id)
    customer.invoiced(ahead)
    assert goods.left == goods.level - 2
    claimed = stack.redis().hget("metrics:sweeps", "claimed:orders")
    runs = int(stack.redis().hget("metrics:sweeps", "runs:orders"))
    customer.until(
        "it was swept", lambda: int(stack.redis().hget("metrics:sweeps", "runs:orders")) > runs + 3
    )
    assert stack.redis().hget("metrics:sweeps", "claimed:orders") == claimed
    assert stack.broker.waiting("default") == 0

    retry(stack, revoked)
    assert_processed(customer, revoked, task_id)
    assert goods.left == goods.level - 4


def test_an_order_in_hand_is_terminated_and_taken_up_again(
    stack: LocalStack, customer: Customer, goods: Goods, operator: Celery
) -> None:
    order_id = customer.place(goods.sku)
    task_id = task_of(customer, order_id)
    customer.until("it is begun", lambda: customer.task(task_id)["timings"]["started_at"])
    revoke(operator, task_id, terminate=True)

    assert_revoked(customer, order_id, task_id)
    assert goods.left == goods.level

    retry(stack, order_id)
    assert_processed(customer, order_id, task_id)
    assert goods.left == goods.level - 2


def test_an_invoice_that_waits_is_revoked_and_taken_up_again(
    stack: LocalStack, customer: Customer, goods: Goods, operator: Celery
) -> None:
    order_id = customer.place(goods.sku)
    task_id = task_of(customer, order_id)
    others = [customer.place(goods.sku) for _ in range(3)]
    customer.decided(order_id)
    # It stands behind the others.
    revoke(operator, stack.redis().hget(f"order:{order_id}", "invoice_task_id"))

    customer.until(
        "it is given up", lambda: stack.redis().zscore("orders:dead", order_id) is not None
    )
    order = customer.seen(order_id)
    assert (order["status"], order["reason"]) == ("processed", "revoked")
    answer = customer.http.get(f"/invoice/{order_id}")
    assert (answer.status_code, answer.json()["reason"]) == (404, "revoked")
    for other in others:
        customer.invoiced(other)

    retry(stack, order_id)
    assert_processed(customer, order_id, task_id)
    assert stack.redis().zscore("orders:dead", order_id) is None
    assert goods.left == goods.level - 8


def test_a_notification_that_waits_is_revoked(
    stack: LocalStack, customer: Customer, operator: Celery
) -> None:
    ahead, revoked, behind = (customer.notify(new_id("hello")) for _ in range(3))
    revoke(operator, revoked)

    for task_id in (ahead, behind):
        assert customer.ended(task_id)["result"] == {"status": "delivered"}
    assert customer.ended(revoked)["state"] == "REVOKED"
    record = stack.redis().hgetall(f"notification:{revoked}")
    assert (record["status"], record["reason"]) == ("failed", "revoked")


def test_a_client_that_revokes_a_copy_of_its_own_revokes_no_order(
    stack: LocalStack, customer: Customer, goods: Goods, operator: Celery
) -> None:
    order_id = customer.place(goods.sku)
    copy = operator.send_task("process_order", (order_id, goods.sku, 2, ANN), queue="default")
    revoke(operator, copy.id)

    assert_processed(customer, order_id, task_of(customer, order_id))


def test_what_beat_sends_is_done_before_all_that_waits(
    stack: LocalStack, customer: Customer, goods: Goods
) -> None:
    from shop.adapters.celery.app import create_worker_app
    from shop.tasks.schedule import beat_schedule

    port = int(stack.redis_url(0).rpartition(":")[2].partition("/")[0])
    beat = create_worker_app(Settings(redis_port=port))
    pids = stack.service(WORKER_DEFAULT).pids()
    for number in range(1_200):
        beat.send_task("process_order", (f"waits-{number}", goods.sku, 1, ANN))
    sent = [beat.send_task(name, **entry["options"]) for name, entry in beat_schedule().items()]
    try:
        for one in sent:
            customer.until(f"{one.id} is done", lambda o=one: o.state == "SUCCESS", within_s=30)
        assert stack.broker.waiting("default") > 1_000
    finally:
        stack.broker.lose("default")
        beat.close()
        beat.backend.client.close()
    assert pids[0] == stack.service(WORKER_DEFAULT).pids()[0]
