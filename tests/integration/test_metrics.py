"""How much work waits, as Prometheus would read it."""

import time

import httpx
from prometheus_client.parser import text_string_to_metric_families

from testing.stack import REDIS, WORKER_DEFAULT, Stack
from tests.integration.customer import Customer, Goods

LIMIT_S = 2.0


def gauges(answer: httpx.Response) -> dict[str, float]:
    """`name` or `name/queue` -> value."""
    assert answer.status_code == 200
    return {
        "/".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if family.type == "gauge"
        and sample.name.startswith("shop_")
        and not sample.name.endswith(("_created", "_info"))
    }


def test_a_backlog_is_seen_while_it_waits_and_gone_when_it_is_done(
    customer: Customer, goods: Goods, stack: Stack
) -> None:
    def read() -> dict[str, float]:
        return gauges(customer.http.get("/metrics"))

    customer.until("nothing is open", lambda: read()["shop_open_orders"] == 0)
    worker = stack.service(WORKER_DEFAULT)
    worker.pause()
    try:
        order_ids = [customer.place(goods.sku, qty=1) for _ in range(9)]
        seen = read()
    finally:
        worker.resume()
    assert seen["shop_store_up"] == 1
    assert seen["shop_open_orders"] == len(order_ids)
    # A frozen worker may have been given some before it froze, and those wait no more.
    assert 0 < seen["shop_queue_depth/default"] <= len(order_ids)
    assert seen["shop_queue_depth/priority"] == 0
    for order_id in order_ids:
        customer.invoiced(order_id)
    customer.until(
        "nothing waits",
        lambda: (now := read())["shop_open_orders"] == now["shop_queue_depth/default"] == 0,
    )


def test_without_redis_the_process_is_still_measured(customer: Customer, stack: Stack) -> None:
    redis = stack.service(REDIS)
    redis.pause()
    try:
        # The best of three, as in `test_health`: this process has its own turn to wait for.
        answers, took_s = [], []
        for _ in range(3):
            began_s = time.monotonic()
            answers.append(customer.http.get("/metrics"))
            took_s.append(time.monotonic() - began_s)
    finally:
        redis.resume()
    for answer in answers:
        known = gauges(answer)
        if stack.broker.url.startswith("amqp"):
            # It is another server, which knows what waits all the same.
            known = {name: value for name, value in known.items() if "queue" not in name}
        assert known == {"shop_store_up": 0}
        assert "shop_http_requests_total" in answer.text
    assert min(took_s) < LIMIT_S
