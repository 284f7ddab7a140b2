"""An order's way through the whole house."""

import re
from datetime import datetime
from io import BytesIO

import pytest
from pypdf import PdfReader

from testing.stack import Stack
from tests.integration.customer import DONE_WITHIN_S, Customer, Goods, new_id


def test_an_order_is_processed_and_invoiced(customer: Customer, goods: Goods, stack: Stack) -> None:
    order_id = new_id("order")
    accepted = customer.order(goods.sku, order_id, qty=2)
    assert accepted.status_code == 202
    task_id = accepted.json()["task_id"]
    assert accepted.json() == {"task_id": task_id, "order_id": order_id, "status": "pending"}
    assert accepted.headers["Location"] == f"/status/{task_id}"

    task = customer.ended(task_id)
    assert task["state"] == "SUCCESS"
    assert task["task"] == "process_order"
    assert task["error"] is None
    assert task["result"] == {"order_id": order_id, "status": "processed", "reason": None}

    pdf = customer.invoiced(order_id)
    order = customer.seen(order_id)
    assert order["status"] == "processed"
    assert order["task_id"] == task_id
    assert order["invoice"] == f"/invoice/{order_id}"
    assert goods.left == 8

    printed = "".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)
    number = stack.redis().hget(f"order:{order_id}", "invoice_number")
    assert re.fullmatch(r"INV-20\d\d-\d{6}", number)
    for text in (number, order_id, goods.sku, "ann@example.com", "19.90", "39.80", "EUR"):
        assert text in printed


def test_an_item_without_a_price_is_sold_without_amounts(customer: Customer, stack: Stack) -> None:
    goods = Goods(stack.redis(), level=10)
    pdf = customer.invoiced(customer.place(goods.sku))

    printed = "".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)
    assert "no price set" in printed
    assert "0.00" not in printed
    assert stack.redis().hget("metrics:priceless", goods.sku) == "1"


def test_the_timings_of_a_task_are_in_order_and_of_one_clock(
    customer: Customer, goods: Goods
) -> None:
    order_id = customer.place(goods.sku)
    order = customer.decided(order_id)
    timings = customer.ended(order["task_id"])["timings"]

    names = ("enqueued_at", "received_at", "started_at", "finished_at")
    enqueued, received, started, finished = (datetime.fromisoformat(timings[n]) for n in names)
    processed = datetime.fromisoformat(order["processed_at"])
    assert enqueued <= received <= started <= processed <= finished
    assert timings["first_enqueued_at"] == timings["enqueued_at"] == order["placed_at"]
    assert timings["queue_wait_ms"] == round((started - enqueued).total_seconds() * 1000)
    assert timings["run_ms"] == round((finished - started).total_seconds() * 1000)
    assert (finished - enqueued).total_seconds() < DONE_WITHIN_S
    assert timings["deliveries"] == 1


def test_the_same_order_sent_twice_is_one_order(customer: Customer, goods: Goods) -> None:
    order_id = customer.place(goods.sku, qty=3)
    placed_again = customer.order(goods.sku, order_id, qty=3)
    customer.invoiced(order_id)
    placed_late = customer.order(goods.sku, order_id, qty=3)

    assert placed_again.status_code == placed_late.status_code == 200
    task_id = customer.seen(order_id)["task_id"]
    assert placed_again.json()["task_id"] == placed_late.json()["task_id"] == task_id
    assert placed_late.json()["status"] == "processed"
    assert goods.left == 7


def test_other_content_under_a_taken_id_is_a_conflict(customer: Customer, goods: Goods) -> None:
    order_id = customer.place(goods.sku, qty=1)
    answer = customer.order(goods.sku, order_id, qty=2)
    assert answer.status_code == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/order-conflict"
    customer.invoiced(order_id)
    assert customer.seen(order_id)["qty"] == 1
    assert goods.left == 9


@pytest.mark.parametrize("reason", ["unknown_item", "out_of_stock"])
def test_an_order_that_cannot_be_served_fails_with_its_reason(
    customer: Customer, goods: Goods, reason: str
) -> None:
    item = new_id("NO-SUCH") if reason == "unknown_item" else goods.sku
    order_id = customer.place(item, qty=11)

    order = customer.decided(order_id)
    assert (order["status"], order["reason"]) == ("failed", reason)
    assert order["invoice"] is None
    task = customer.ended(order["task_id"])
    assert task["state"] == "SUCCESS"
    assert task["result"] == {"order_id": order_id, "status": "failed", "reason": reason}
    assert goods.left == 10

    answer = customer.http.get(f"/invoice/{order_id}")
    assert answer.status_code == 404
    problem = answer.json()
    assert problem["type"] == "/problems/order-failed"
    assert problem["reason"] == reason


def test_what_is_in_stock_is_sold_to_the_last_piece_and_not_beyond(
    customer: Customer, goods: Goods
) -> None:
    order_ids = [customer.place(goods.sku, qty=3) for _ in range(5)]
    outcomes = sorted(customer.decided(order_id)["status"] for order_id in order_ids)
    assert outcomes == ["failed", "failed", "processed", "processed", "processed"]
    assert goods.left == 1


def test_an_invalid_order_leaves_nothing_behind(
    customer: Customer, goods: Goods, stack: Stack
) -> None:
    order_id = new_id("order")
    answer = customer.order(goods.sku, order_id, qty=0)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["qty"]
    assert list(stack.redis().scan_iter(f"*{order_id}*")) == []
    assert customer.http.get(f"/order/{order_id}").status_code == 404


def test_an_order_that_was_never_placed_is_unknown(customer: Customer) -> None:
    order_id = new_id("order")
    for path in (f"/order/{order_id}", f"/invoice/{order_id}"):
        answer = customer.http.get(path)
        assert answer.status_code == 404
        assert answer.json()["type"] == "/problems/order-not-found"
