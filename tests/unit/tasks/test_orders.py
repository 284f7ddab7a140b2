"""`process_order`, sent by name by a client that knows nothing of the shop, to a real worker."""

from typing import Any

import pytest

from tests.builders import ANN
from tests.unit.tasks.running import Shop

PROCESSED = {"order_id": "1001", "status": "processed", "reason": None}


def test_an_order_that_was_never_placed_is_processed_to_its_end(shop: Shop) -> None:
    sent = shop.send("process_order", "1001", "SKU-1", 3, ANN)

    assert shop.result(sent) == PROCESSED
    assert shop.store.get("stock:SKU-1") == "7"
    assert shop.store.get("order:1001:status") == "processed"
    assert shop.store.hget("order:1001", "task_id") == sent.id

    shop.wait("the invoice is there", lambda: shop.store.exists("invoice:1001") > 0)
    notice = f"notification:{shop.store.hget('order:1001', 'notification_task_id')}"
    shop.wait(
        "the customer has heard of it",
        lambda: shop.store.hget(notice, "status") == "delivered",
    )
    assert not shop.store.exists("orders:open", "notifications:open", "orders:dead")


def test_arguments_may_be_named(shop: Shop) -> None:
    sent = shop.client.send_task(
        "process_order",
        kwargs={"order_id": "1001", "item": "SKU-1", "qty": 3, "email": ANN},
        queue="default",
    )

    assert shop.result(sent) == PROCESSED
    assert shop.store.get("stock:SKU-1") == "7"


def test_an_id_may_be_a_number(shop: Shop) -> None:
    assert shop.result(shop.send("process_order", 1001, "SKU-1", 3, ANN)) == PROCESSED


def test_sent_many_times_it_is_processed_once(shop: Shop) -> None:
    sent = [shop.send("process_order", "1001", "SKU-1", 3, ANN) for _ in range(5)]

    assert [shop.result(one) for one in sent] == [PROCESSED] * 5
    assert shop.store.get("stock:SKU-1") == "7"


@pytest.mark.parametrize(
    ("item", "qty", "reason"), [("SKU-1", 11, "out_of_stock"), ("SKU-404", 1, "unknown_item")]
)
def test_an_order_that_fails_is_a_task_that_succeeds(
    shop: Shop, item: str, qty: int, reason: str
) -> None:
    sent = shop.send("process_order", "1001", item, qty, ANN)

    assert shop.result(sent) == {"order_id": "1001", "status": "failed", "reason": reason}
    assert shop.store.get("stock:SKU-1") == "10"


@pytest.mark.parametrize(
    ("args", "field"),
    [
        (("a b", "SKU-1", 1, ANN), "order_id"),
        (("a:b", "SKU-1", 1, ANN), "order_id"),
        (("a/b", "SKU-1", 1, ANN), "order_id"),
        (("a\n", "SKU-1", 1, ANN), "order_id"),
        (("x" * 65, "SKU-1", 1, ANN), "order_id"),
        ((".hidden", "SKU-1", 1, ANN), "order_id"),
        ((None, "SKU-1", 1, ANN), "order_id"),
        (("1001", "stock:*", 1, ANN), "item"),
        (("1001", "SKU-1", 0, ANN), "qty"),
        (("1001", "SKU-1", -1, ANN), "qty"),
        (("1001", "SKU-1", 1.5, ANN), "qty"),
        (("1001", "SKU-1", 10**12, ANN), "qty"),
        (("1001", "SKU-1", True, ANN), "qty"),
        (("1001", "SKU-1", "3", ANN), "qty"),
        (("1001", "SKU-1", 1, "ann@localhost"), "email"),
        (("1001", "SKU-1", 1, ["ann@example.com"]), "email"),
    ],
    ids=str,
)
def test_bad_arguments_fail_once_and_name_the_field(
    shop: Shop, args: tuple[Any, ...], field: str
) -> None:
    sent = shop.send("process_order", *args)

    error = shop.failure(sent)

    assert error.startswith(f"InvalidTask: process_order: {field}: ")
    assert "\n" not in error
    assert_failed_once(shop, sent.id)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {}),
        (("1001", "SKU-1", 1), {}),
        (("1001", "SKU-1", 1, ANN, "more"), {}),
        (("1001", "SKU-1", 1, ANN), {"colour": "red"}),
    ],
    ids=str,
)
def test_too_few_or_too_many_arguments_fail_once(
    shop: Shop, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    sent = shop.client.send_task("process_order", args=args, kwargs=kwargs, queue="default")

    assert shop.failure(sent).startswith("InvalidTask: process_order: ")
    assert_failed_once(shop, sent.id)


def test_other_content_under_a_taken_id_fails_once(shop: Shop) -> None:
    shop.result(shop.send("process_order", "1001", "SKU-1", 3, ANN))

    sent = shop.send("process_order", "1001", "SKU-1", 4, ANN)

    assert shop.failure(sent) == "OrderConflict: order 1001 exists with other content"
    assert shop.store.get("stock:SKU-1") == "7"
    assert shop.store.hget(f"task:{sent.id}", "deliveries") == "1"


def test_a_message_that_is_no_json_does_no_harm(shop: Shop) -> None:
    shop.send("process_order", "1001", "SKU-1", 3, ANN, serializer="pickle")

    assert shop.result(shop.send("process_order", "1002", "SKU-1", 3, ANN))["status"] == "processed"
    assert not shop.store.exists("order:1001")


def test_a_task_that_nobody_knows_does_no_harm(shop: Shop) -> None:
    shop.send("process_orders", "1001", "SKU-1", 3, ANN)

    assert shop.result(shop.send("process_order", "1002", "SKU-1", 3, ANN))["status"] == "processed"


def assert_failed_once(shop: Shop, task_id: str) -> None:
    # First in, first out: what is behind it has ended, so would a second attempt have.
    shop.result(shop.send("process_order", "behind", "SKU-1", 1, ANN))

    assert shop.store.hget(f"task:{task_id}", "deliveries") == "1"
    assert set(shop.store.scan_iter("order:*")) == {
        "order:behind",
        "order:behind:status",
    }
    with shop.server.client(0) as broker:
        assert not broker.hexists("unacked", task_id)
