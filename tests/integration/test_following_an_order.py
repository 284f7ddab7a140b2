"""One order by its request's id through every service's log, and nobody's address in any."""

import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import dropwhile
from pathlib import Path
from typing import Any

import pytest

from testing.stack import API, BEAT, FLOWER, WORKER_DEFAULT, WORKER_PRIORITY
from testing.stacks.local import LocalStack
from testing.waiting import wait_for
from tests.integration.customer import Customer, Goods, new_id

#: So unlike anything else that to find it in a log is to have found it out.
LOCAL_PART = "zoe.zephyrine.quux"
ADDRESS = f"{LOCAL_PART}@example.com"
TEXT = "Zwiebelkuchen zum Abholen bereit"
SECRETS = (LOCAL_PART, TEXT, "is on its way")


@pytest.fixture(scope="module")
def log_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def shop(log_dir: Path) -> Iterator[LocalStack]:
    settings = {"LOG_DIR": str(log_dir), "LOG_FORMAT": "json", "LOG_LEVEL": "INFO"}
    with LocalStack({**settings, "NOTIFICATION_DELAY_MS": "5"}) as stack:
        yield stack


@pytest.fixture
def customer(shop: LocalStack) -> Iterator[Customer]:
    with Customer(shop) as customer:
        yield customer


def lines(log_dir: Path, service: str, correlation_id: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (log_dir / f"{service}.log").read_text().splitlines()]
    return [line for line in found if line.get("correlation_id") == correlation_id]


def test_an_order_is_followed_by_its_request_through_every_service(
    shop: LocalStack, customer: Customer, log_dir: Path
) -> None:
    goods = Goods(shop.redis(), level=10)
    order_id, request_id = new_id("order"), new_id("request")
    customer.http.headers["X-Request-ID"] = request_id
    assert customer.order(goods.sku, order_id, email=ADDRESS).status_code == 202
    del customer.http.headers["X-Request-ID"]
    customer.invoiced(order_id)

    def followed() -> bool:
        return (
            said("api", "POST /order 202")
            and said("worker-default", f"order {order_id} is processed")
            and said("worker-default", "Task process_order[", "succeeded")
            and said("worker-default", "Task generate_invoice[", "succeeded")
            and said("worker-priority", "notified z***@example.com: ")
            and said("worker-priority", "Task send_notification[", "succeeded")
        )

    def said(service: str, *parts: str) -> bool:
        return any(
            all(part in line["message"] for part in parts) and line["service"] == service
            for line in lines(log_dir, service, request_id)
        )

    wait_for("every service has told of it", followed, within_s=10.0, explain=shop.describe)
    # And of nothing else.
    ours = [line["message"] for service in ("api", "worker-default", "worker-priority")
            for line in lines(log_dir, service, request_id)]  # fmt: skip
    assert len([message for message in ours if message.startswith("POST")]) == 1
    assert len([message for message in ours if "succeeded" in message]) == 3


@pytest.mark.parametrize("name", [API, BEAT, FLOWER, WORKER_DEFAULT, WORKER_PRIORITY])
def test_every_line_of_every_service_is_for_programs_and_says_whose_it_is(
    shop: LocalStack, log_dir: Path, name: str
) -> None:
    # A worker that root has started is told off by Celery before there are logs.
    printed = list(dropwhile(lambda line: line[:1] != "{", shop.service(name).logs().splitlines()))
    kept = (log_dir / f"{name}.log").read_text().splitlines()

    assert printed
    assert kept
    for line in printed + kept:
        told = json.loads(line)
        assert {"level", "logger", "message", "service", "timestamp"} <= told.keys()
        assert told["service"] == name


def test_no_line_of_any_log_shows_an_address_or_a_text(
    shop: LocalStack, customer: Customer, log_dir: Path
) -> None:
    goods = Goods(shop.redis(), level=3)
    for order_id, qty in ((new_id("order"), 1), (new_id("order"), 99)):
        assert customer.order(goods.sku, order_id, qty, email=ADDRESS).status_code == 202
        customer.decided(order_id)
    # The same id with other content, an address that is none, one in a path.
    assert customer.order(goods.sku, order_id, qty=2, email=ADDRESS).status_code == 409
    assert customer.order(goods.sku, order_id, email=f"{ADDRESS} or so").status_code == 422
    assert customer.http.get(f"/order/{ADDRESS}").status_code == 404
    customer.ended(customer.notify(TEXT, email=ADDRESS))
    # A foreign client's messages, right and wrong.
    client = shop.celery()
    fine = client.send_task("send_notification", [ADDRESS, TEXT], queue="priority")
    assert fine.get(timeout=20) == {"status": "delivered"}
    wrong = [
        client.send_task(name, arguments, queue=queue)
        for name, arguments, queue in [
            ("send_notification", [ADDRESS, TEXT, TEXT], "priority"),
            ("send_notification", [f"{ADDRESS} or so", TEXT], "priority"),
            ("process_order", [ADDRESS, TEXT, 1, ADDRESS], "default"),
            ("process_order", [order_id, goods.sku, 7, ADDRESS], "default"),
            ("generate_invoice", [TEXT, {"email": ADDRESS, "qty": TEXT}], "default"),
        ]
    ]
    for task in wrong:
        with suppress(Exception):
            task.get(timeout=20)
        assert task.state == "FAILURE"
    for queue in ("default", "priority"):
        client.send_task("no_such_task", [ADDRESS, TEXT], queue=queue)

    def of(service: str) -> str:
        return (log_dir / f"{service}.log").read_text()

    for worker in ("worker-default", "worker-priority"):
        wait_for(
            f"{worker} has put the unknown task aside",
            lambda worker=worker: "its task is none of the shop" in of(worker),  # type: ignore[misc]
            within_s=10.0,
            explain=shop.describe,
        )
    logs = {path.name: path.read_text() for path in log_dir.glob("*.log")}
    logs |= {f"output of {service.name}": service.logs() for service in shop.services}
    assert logs.keys() == {
        *(f"{name}.log" for name in ("api", "beat", "flower", "worker-default", "worker-priority")),
        *(f"output of {service.name}" for service in shop.services),
    }
    assert "z***@example.com" in logs["worker-priority.log"]
    shown = [
        (name, line)
        for name, log in logs.items()
        for line in log.splitlines()
        if any(secret in line or secret in line.encode().decode("unicode_escape", "replace")
               for secret in SECRETS)
    ]  # fmt: skip
    assert shown == []
