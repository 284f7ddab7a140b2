"""The tasks, sent by name by a Celery client that knows nothing of this project."""

import json
from datetime import date
from io import BytesIO
from typing import Any

import pytest
from celery import Celery
from celery.result import AsyncResult
from pypdf import PdfReader

from testing.stack import Stack
from tests.integration.customer import ANN, DONE_WITHIN_S, Customer, Goods, new_id


@pytest.fixture
def client(stack: Stack) -> Celery:
    return stack.celery()


def send(client: Celery, task: str, *args: Any, queue: str = "default", **kwargs: Any) -> Any:
    """The task's result."""
    sent: AsyncResult = client.send_task(task, args, kwargs, queue=queue)
    return sent.get(timeout=DONE_WITHIN_S)


def test_an_order_that_was_never_placed(client: Celery, customer: Customer, goods: Goods) -> None:
    order_id = new_id("order")
    result = send(client, "process_order", order_id, goods.sku, 4, ANN)
    assert result == {"order_id": order_id, "status": "processed", "reason": None}
    customer.invoiced(order_id)
    order = customer.seen(order_id)
    assert (order["status"], order["item"], order["qty"]) == ("processed", goods.sku, 4)
    assert goods.left == 6


def test_an_order_sent_again_and_again_is_processed_once(
    client: Celery, customer: Customer, goods: Goods
) -> None:
    order_id = new_id("order")
    order = {"order_id": order_id, "item": goods.sku, "qty": 1, "email": ANN}
    sent = [client.send_task("process_order", kwargs=order, queue="default") for _ in range(5)]
    results = [one.get(timeout=DONE_WITHIN_S) for one in sent]
    assert {result["status"] for result in results} == {"processed"}
    assert goods.left == 9
    invoice = customer.invoiced(order_id)
    assert send(client, "generate_invoice", order_id, {}) == {"order_id": order_id, "made": False}
    assert customer.invoiced(order_id) == invoice


def test_an_invoice_without_an_order(client: Celery, customer: Customer) -> None:
    order_id = new_id("order")
    data = {"item": "Чайник <b>&", "qty": 3, "unit_price": 250, "customer": "Анна", "email": ANN}
    assert send(client, "generate_invoice", order_id, data) == {"order_id": order_id, "made": True}
    pdf = customer.invoiced(order_id)
    printed = "".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)
    for text in (f"INV-{order_id}", "Чайник <b>&", "Анна", "2.50", "7.50"):
        assert text in printed


def test_a_notification(client: Celery, customer: Customer, stack: Stack) -> None:
    sent = client.send_task("send_notification", (ANN, new_id("Hello")), queue="priority")
    assert sent.get(timeout=DONE_WITHIN_S) == {"status": "delivered"}
    assert stack.redis().hget(f"notification:{sent.id}", "status") == "delivered"
    # Issued by somebody else, and yet known.
    assert customer.task(sent.id)["timings"]["deliveries"] == 1


def test_the_stock_report_counts_a_level_that_was_set_by_hand(
    client: Celery, stack: Stack, goods: Goods
) -> None:
    empty = Goods(stack.redis(), level=0)
    result = send(client, "daily_stock_report")
    day = date.fromisoformat(result["date"])
    stored = json.loads(stack.redis().get(f"report:stock:{day}"))
    assert stored["levels"][goods.sku] == 10
    assert empty.sku in stored["out_of_stock"]
    assert result["skus"] == len(stored["levels"])
    assert result["units"] == sum(stored["levels"].values())


def test_the_search_for_pending_orders(client: Celery, customer: Customer, goods: Goods) -> None:
    order_id = customer.place(goods.sku)
    customer.invoiced(order_id)
    assert isinstance(send(client, "check_pending_orders"), dict)
    assert goods.left == 8


@pytest.mark.parametrize(
    ("task", "args", "complaint"),
    [
        ("process_order", ["{id}", "{sku}", 0, ANN], "qty"),
        ("process_order", ["{id}", "{sku}", 1.5, ANN], "qty"),
        ("process_order", ["{id}", "{sku}", 10**12, ANN], "qty"),
        ("process_order", ["{id}:status", "{sku}", 1, ANN], "id"),
        ("process_order", ["{id}", "{sku}", 1, "ann@"], "email"),
        ("process_order", ["{id}", "{sku}"], "qty"),
        ("generate_invoice", ["{id}", {"item": "A", "qty": -1}], "qty"),
        ("generate_invoice", ["{id}", {}], "item"),
        ("send_notification", ["nobody", "Hello {id}"], "email"),
        ("send_notification", [ANN, ""], "message"),
    ],
)
def test_bad_arguments_fail_once_and_leave_nothing_behind(
    client: Celery,
    customer: Customer,
    goods: Goods,
    stack: Stack,
    task: str,
    args: list[Any],
    complaint: str,
) -> None:
    order_id = new_id("order")
    given = [
        arg.format(id=order_id, sku=goods.sku) if isinstance(arg, str) else arg for arg in args
    ]
    queue = "priority" if task == "send_notification" else "default"
    sent = client.send_task(task, given, queue=queue)

    ended = customer.until(
        "the task is known",
        lambda: customer.http.get(f"/status/{sent.id}").is_success and customer.ended(sent.id),
    )
    assert ended["state"] == "FAILURE"
    assert complaint in ended["error"]
    assert "\n" not in ended["error"]

    # Whatever was sent again would stand in the queue before these two searches.
    for _ in range(2):
        send(client, "check_pending_orders")
    assert customer.task(sent.id)["timings"]["deliveries"] == 1
    store = stack.redis()
    assert list(store.scan_iter(f"*{order_id}*")) == []
    assert store.exists(f"notification:{sent.id}") == 0
    assert goods.left == 10
    assert stack.broker.waiting(queue) == 0
