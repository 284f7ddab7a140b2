"""What the metrics count, under kills and with several API processes."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shop.domain.work import Queue
from shop.local.service import Service
from shop.local.services import API
from testing.stack import WORKER_DEFAULT
from testing.stacks.local import LocalStack
from testing.waiting import wait_for
from tests.integration.customer import Customer, Goods, new_id, plain_http
from tests.unit.tasks.running import running_worker

PROCESSES = 2
REQUESTS = 40
ORDERS = 24
QTY = 2


@pytest.fixture(scope="module")
def counted_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("counted") / "not-there-yet"


@pytest.fixture(scope="module")
def shop(counted_in: Path) -> Iterator[LocalStack]:
    def several(service: Service) -> Service:
        if service.name != API:
            return service
        argv = (*service.argv, "--workers", str(PROCESSES))
        return replace(
            service, argv=argv, env={**service.env, "PROMETHEUS_MULTIPROC_DIR": str(counted_in)}
        )

    with LocalStack({"NOTIFICATION_DELAY_MS": "5"}, alter=several) as stack:
        yield stack


@pytest.fixture
def customer(shop: LocalStack) -> Iterator[Customer]:
    with Customer(shop) as customer:
        yield customer


def scrape(shop: LocalStack) -> dict[str, float]:
    """`name/labels` -> value, of whichever process takes a new connection."""
    with plain_http(shop.base_url) as http:
        return samples(http.get("/metrics"))


def samples(answer: httpx.Response) -> dict[str, float]:
    assert answer.status_code == 200
    return {
        "/".join(
            (sample.name, *(value for _, value in sorted(sample.labels.items())))
        ): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_every_process_shows_the_requests_of_all(shop: LocalStack, counted_in: Path) -> None:
    name = "shop_http_requests_total/GET//problems/{slug}/404"
    sent = 0

    def reached_all() -> bool:
        """One process may start later than the other, and whoever is awake takes what comes."""
        nonlocal sent
        for _ in range(REQUESTS):
            with plain_http(shop.base_url) as http:
                assert http.get(f"/problems/{new_id('no')}").status_code == 404
            sent += 1
        return len(list(counted_in.glob("counter_*.db"))) == PROCESSES

    wait_for("each process had a request", reached_all, within_s=30, explain=shop.describe)
    assert {scrape(shop)[name] for _ in range(10)} == {sent}
    timed = name.replace("requests_total", "request_duration_seconds_count")
    assert scrape(shop)[timed] == sent


def test_orders_are_counted_once_though_their_worker_is_killed(
    shop: LocalStack, customer: Customer
) -> None:
    goods = Goods(shop.redis(), level=ORDERS * QTY - QTY)
    before = scrape(shop)
    worker = shop.service(WORKER_DEFAULT)
    order_ids = []
    for number in range(ORDERS):
        order_ids.append(customer.place(goods.sku, qty=QTY))
        if number % 8 == 7:
            worker.kill()
            worker.start()
    outcomes = [customer.decided(order_id)["status"] for order_id in order_ids]
    assert outcomes.count("processed") == ORDERS - 1
    for order_id, outcome in zip(order_ids, outcomes, strict=True):
        if outcome == "processed":
            customer.invoiced(order_id)
    customer.until("all is told", lambda: scrape(shop)["shop_open_notifications"] == 0)
    after = scrape(shop)

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert grown("shop_orders_placed_total") == ORDERS
    assert grown("shop_orders_total/processed") == grown("shop_invoices_total") == ORDERS - 1
    assert grown("shop_orders_total/out_of_stock") == 1
    assert grown("shop_notifications_total/delivered") == ORDERS
    # A wait and a run for each start, of which there may be more than orders.
    waits = grown("shop_task_wait_seconds_count/process_order")
    assert waits >= ORDERS
    assert grown("shop_task_run_seconds_count/process_order") <= waits
    assert grown("shop_task_run_seconds_count/send_notification") >= ORDERS
    assert grown("shop_sweeps_total/orders") > 0


def test_what_several_workers_do_is_counted_together(
    shop: LocalStack, customer: Customer, tmp_path: Path
) -> None:
    goods = Goods(shop.redis(), level=1_000)
    before = scrape(shop)
    settings = {
        "CELERY_BROKER_DSN": shop.broker.url,
        "LOG_FORMAT": "json",
        "REDIS_PORT": str(urlsplit(shop.redis_url(0)).port),
    }
    placed: list[str] = []
    with running_worker(tmp_path, Queue.DEFAULT, ["-c", "1"], settings) as other:
        customer.until("there are two", lambda: shop.redis().zcard("workers:default") == 2)

        def both_had_some() -> bool:
            placed.append(customer.place(goods.sku, qty=1))
            processed = [
                {order_id for order_id in placed if f"order {order_id} is processed" in log}
                for log in (other.output(), shop.service(WORKER_DEFAULT).logs())
            ]
            return all(processed)

        customer.until("both have processed some", both_had_some)
        for order_id in placed:
            customer.invoiced(order_id)
    after = scrape(shop)

    for name in ("shop_orders_placed_total", "shop_orders_total/processed", "shop_invoices_total"):
        assert after[name] - before[name] == len(placed)
    runs = "shop_task_run_seconds_count/process_order"
    assert after[runs] - before.get(runs, 0) >= len(placed)


def test_the_books_add_up_until_somebody_reaches_into_them(
    shop: LocalStack, customer: Customer
) -> None:
    goods = Goods(shop.redis(), level=10)
    customer.invoiced(customer.place(goods.sku, qty=3))

    def audited() -> dict[str, float]:
        shop.celery().send_task("audit_stock", queue="default").get(timeout=20)
        return scrape(shop)

    fine = audited()
    accounts = {
        name: fine[f"shop_stock_units/{name}"] for name in ("initial", "restocked", "sold", "left")
    }
    assert accounts["initial"] + accounts["restocked"] == accounts["left"] + accounts["sold"]
    assert accounts["sold"] >= 3
    assert fine["shop_stock_drift_units/missing"] == fine["shop_stock_drift_units/surplus"] == 0

    shop.redis().set(f"stock:{goods.sku}", -5)
    wrong = audited()

    assert wrong["shop_stock_drift_units/missing"] == 12
    assert wrong["shop_stock_items/negative"] == wrong["shop_stock_items/drifting"] == 1
    assert f"{goods.sku} (-12)" in shop.service(WORKER_DEFAULT).logs()


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no promtool here (Debian: apt install prometheus)"
)
def test_promtool_finds_no_fault_with_a_real_scrape(shop: LocalStack, customer: Customer) -> None:
    goods = Goods(shop.redis(), level=10)
    customer.invoiced(customer.place(goods.sku))
    text = customer.http.get("/metrics").text
    ours = [line for line in text.splitlines() if "shop_" in line]
    assert any("shop_task_run_seconds_bucket" in line for line in ours)

    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input="\n".join([*ours, ""]),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")
