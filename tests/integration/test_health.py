"""What the probes say while something is missing, and that it mends itself."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
import pytest

from testing.stack import REDIS, WORKER_DEFAULT, WORKER_PRIORITY, ServiceHandle, Stack
from tests.integration.customer import Customer, Goods, new_id

#: What DESIGN section 3 grants an answer while Redis is away.
LIMIT_S = 2.0
WORKERS = {"worker:default": WORKER_DEFAULT, "worker:priority": WORKER_PRIORITY}


@contextmanager
def stopped(service: ServiceHandle) -> Iterator[None]:
    service.stop()
    try:
        yield
    finally:
        service.start()


@contextmanager
def frozen(service: ServiceHandle) -> Iterator[None]:
    service.pause()
    try:
        yield
    finally:
        service.resume()


def test_a_whole_shop_is_ready(customer: Customer) -> None:
    assert customer.http.get("/health/live").json() == {"status": "alive"}
    answer = customer.http.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready"}


def test_a_worker_that_is_missing_is_named(customer: Customer, stack: Stack) -> None:
    service = stack.service(WORKER_PRIORITY)
    # In containers both workers share one.
    expected = [name for name, worker in WORKERS.items() if stack.service(worker) is service]

    def noticed() -> httpx.Response | None:
        answer = customer.http.get("/health/ready")
        return answer if answer.json().get("missing") == expected else None

    with stopped(service):
        answer = customer.until(f"{expected} are missed", noticed)
        assert answer.status_code == 503
        assert answer.json()["type"] == "/problems/not-ready"
        assert customer.http.get("/health/live").status_code == 200
        # It can still be taken in.
        task_id = customer.notify("while nobody delivers")
    stack.wait_ready()
    assert customer.ended(task_id)["result"] == {"status": "delivered"}


@pytest.mark.parametrize("away", [stopped, frozen])
def test_without_redis_every_call_is_answered_in_time_and_orders_resume_by_themselves(
    customer: Customer,
    goods: Goods,
    stack: Stack,
    away: Callable[[ServiceHandle], AbstractContextManager[None]],
) -> None:
    crashes = _crashes(stack)
    before, during = customer.place(goods.sku, qty=1), new_id("order")
    customer.invoiced(before)
    # A worker holds it when Redis goes.
    in_hand = customer.notify("when the lights go out")
    with away(stack.service(REDIS)):
        answers = [_timed(lambda: customer.order(goods.sku, during, qty=2)) for _ in range(2)]
        for answer, _ in answers:
            assert answer.status_code == 503
            assert answer.json()["type"] == "/problems/store-unavailable"
            assert int(answer.headers["Retry-After"]) > 0
        ready = _timed(lambda: customer.http.get("/health/ready"))
        assert (ready[0].status_code, ready[0].json()["missing"]) == (503, ["redis"])
        # The best of three: what this process itself had to wait for its turn is not the API's.
        assert min(took_s for _, took_s in (*answers, ready)) < LIMIT_S
        assert max(took_s for _, took_s in (*answers, ready)) < 2 * LIMIT_S
        assert customer.http.get("/health/live").status_code == 200

    # Sending the same order again is always safe, though one of those before may have been taken.
    again = customer.until(
        "orders are taken again",
        lambda: (answer := customer.order(goods.sku, during, qty=2)).is_success and answer,
    )
    assert again.json()["order_id"] == during
    customer.invoiced(during)
    # What was there before was kept.
    customer.invoiced(before)
    assert goods.left == 7
    for task_id in (in_hand, customer.notify("after the outage")):
        customer.until(
            f"notification {task_id} is delivered",
            lambda task_id=task_id: (
                stack.redis().hget(f"notification:{task_id}", "status") == "delivered"
            ),
        )
    # Nor was it a restart that mended it.
    assert _crashes(stack) == crashes


def _crashes(stack: Stack) -> int:
    return sum(handle.logs().count("Unrecoverable error") for handle in stack.services)


def _timed(call: Callable[[], httpx.Response]) -> tuple[httpx.Response, float]:
    began_s = time.monotonic()
    answer = call()
    return answer, time.monotonic() - began_s
