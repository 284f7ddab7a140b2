"""Messages to customers: by hand, and about their orders."""

from testing.stack import WORKER_PRIORITY, Stack
from tests.integration.customer import ANN, Customer, Goods, new_id


def test_a_notification_is_delivered(customer: Customer, stack: Stack) -> None:
    message = new_id("Your parcel")
    answer = customer.http.post("/test_notification", json={"email": ANN, "message": message})
    assert answer.status_code == 202
    task_id = answer.json()["task_id"]
    assert answer.headers["Location"] == f"/status/{task_id}"

    task = customer.ended(task_id)
    assert task["task"] == "send_notification"
    assert task["state"] == "SUCCESS"
    assert task["result"] == {"status": "delivered"}
    assert task["timings"]["deliveries"] == 1
    # As long as the network would take.
    assert task["timings"]["run_ms"] >= 100
    log = stack.service(WORKER_PRIORITY).logs()
    assert f"notified a***@example.com: {len(message)} characters" in log
    assert stack.redis().hget(f"notification:{task_id}", "status") == "delivered"


def test_a_customer_hears_of_the_order(customer: Customer, goods: Goods, stack: Stack) -> None:
    processed, failed = customer.place(goods.sku), customer.place(goods.sku, qty=99)
    for order_id, heard in ((processed, "is on its way"), (failed, "in stock")):
        customer.decided(order_id)
        task_id = stack.redis().hget(f"order:{order_id}", "notification_task_id")
        customer.until(
            f"the notification of {order_id} is started",
            lambda task_id=task_id: customer.http.get(f"/status/{task_id}").is_success,
        )
        assert customer.ended(task_id)["result"] == {"status": "delivered"}
        told = stack.redis().hgetall(f"notification:{task_id}")
        assert (told["email"], told["status"]) == (ANN, "delivered")
        assert order_id in told["message"]
        assert heard in told["message"]


def test_an_invalid_address_is_refused_and_not_recorded(customer: Customer, stack: Stack) -> None:
    owed = set(stack.redis().scan_iter("notification:*"))
    answer = customer.http.post("/test_notification", json={"email": "ann@", "message": "Hello"})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["email"]
    assert set(stack.redis().scan_iter("notification:*")) <= owed
