"""Invoices, notifications, the report and the second net, on a real worker."""

import json
from typing import Any

import pytest
from redis import Redis

from shop.adapters.redis.client import connect
from shop.adapters.redis.notifications import RedisNotificationBook
from shop.adapters.redis.orders import RedisOrderBook
from shop.adapters.redis.stock import RedisStockRoom
from shop.domain.stock import StockLevel
from shop.domain.work import Queue
from tests.builders import ANN, a_notification, an_order
from tests.unit.tasks.running import Shop


def pdf(shop: Shop, order_id: str) -> bytes:
    with Redis.from_url(shop.server.dsn(2)) as raw:
        content = raw.get(f"invoice:{order_id}")
    assert content is not None
    return bytes(content)


class TestInvoice:
    def test_of_data_alone(self, shop: Shop) -> None:
        data = {"item": "Чайник", "qty": 2, "email": ANN, "unit_price": 500, "date": "2026-03-01"}

        sent = shop.send("generate_invoice", "by-hand", data)

        assert shop.result(sent) == {"order_id": "by-hand", "made": True}
        assert pdf(shop, "by-hand").startswith(b"%PDF-")

    def test_made_twice_the_bytes_are_the_same(self, shop: Shop) -> None:
        data = {"item": "Чайник", "qty": 2, "date": "2026-03-01"}
        shop.result(shop.send("generate_invoice", "by-hand", data))
        first = pdf(shop, "by-hand")

        again = shop.result(shop.send("generate_invoice", "by-hand", data))
        assert again == {"order_id": "by-hand", "made": False}
        assert pdf(shop, "by-hand") == first

        shop.store.delete("invoice:by-hand")
        shop.result(shop.send("generate_invoice", "by-hand", data))
        assert pdf(shop, "by-hand") == first

    def test_of_no_order_that_ends_its_process_each_time_is_given_up(self, shop: Shop) -> None:
        shop.store.hset("task:poison", mapping={"attempt": "killed", "attempts": 5})

        error = shop.failure(
            shop.send("generate_invoice", "nobody", {"item": "x", "qty": 1}, task_id="poison")
        )

        assert error == "GivenUp: generate_invoice is given up after 5 attempts that came to no end"

    def test_of_a_processed_order_no_data_is_needed(self, shop: Shop) -> None:
        shop.result(shop.send("process_order", "1001", "SKU-1", 3, ANN))
        shop.wait("the invoice is there", lambda: shop.store.exists("invoice:1001") > 0)
        assert pdf(shop, "1001").startswith(b"%PDF-")
        shop.store.delete("invoice:1001")

        assert shop.result(shop.send("generate_invoice", "1001"))["made"] is True

    @pytest.mark.parametrize(
        ("args", "problem"),
        [
            (("by-hand", {}), "there is no order by-hand"),
            (("by-hand", {"item": "Teapot"}), "lacks item or qty"),
            (("by-hand", {"item": "Teapot", "qty": "2"}), "qty: "),
            (("by-hand", {"item": "Teapot", "qty": 2, "email": "ann"}), "email: "),
            (("by-hand", "data"), "data: "),
            (("a/b", {"item": "Teapot", "qty": 2}), "order_id: "),
        ],
        ids=str,
    )
    def test_bad_arguments_fail_once_and_name_the_field(
        self, shop: Shop, args: tuple[Any, ...], problem: str
    ) -> None:
        sent = shop.send("generate_invoice", *args)

        error = shop.failure(sent)

        assert error.startswith("InvalidTask: generate_invoice: ")
        assert problem in error
        assert not list(shop.store.scan_iter("invoice:*"))
        assert shop.store.hget(f"task:{sent.id}", "deliveries") == "1"

    def test_a_failed_order_gets_none(self, shop: Shop) -> None:
        shop.result(shop.send("process_order", "1001", "SKU-404", 1, ANN))

        sent = shop.send("generate_invoice", "1001", {"item": "SKU-404", "qty": 1})

        assert shop.failure(sent) == "OrderNotProcessed: order 1001 is failed: it has no invoice"


class TestNotification:
    def test_it_is_delivered_into_the_log(self, shop: Shop) -> None:
        sent = shop.send("send_notification", ANN, "Ваш заказ в пути", queue="priority")

        assert shop.result(sent) == {"status": "delivered"}
        assert shop.store.hget(f"notification:{sent.id}", "status") == "delivered"
        assert not shop.store.exists("notifications:open")
        lines = [
            json.loads(line)
            for line in shop.workers[Queue.PRIORITY].output().splitlines()
            if line.startswith("{")
        ]
        # In JSON, as in production, to whom and what is not said.
        assert "notified a***@example.com: 16 characters" in [line["message"] for line in lines]

    def test_one_that_is_in_anothers_hand_is_left_to_it(self, shop: Shop) -> None:
        book = RedisNotificationBook(shop.store, overdue_after_ms=2_000)
        book.begin(a_notification(), "in-hand", "another", lease_s=60.0)

        sent = shop.send(
            "send_notification",
            ANN,
            "Your parcel is here.",
            queue="priority",
            task_id="in-hand",
        )
        shop.wait("it has ended", lambda: shop.store.hget("task:in-hand", "finished_at"))
        shop.drain()

        # Its result is the other's to give.
        assert sent.state == "PENDING"
        record = shop.store.hgetall("notification:in-hand")
        assert (record["status"], record["attempts"]) == ("pending", "1")

    def test_one_that_fails_waits_for_the_sweep(self, shop: Shop) -> None:
        # The default worker has a mail server that is not there.
        sent = shop.send("send_notification", ANN, "Hello", queue="default")

        shop.wait("it is put off", lambda: sent.state == "RETRY")

        record = shop.store.hgetall(f"notification:{sent.id}")
        assert (record["status"], record["attempts"]) == ("pending", "1")
        assert record["reason"] == "ConnectionRefusedError"
        assert shop.store.zrange("notifications:open", 0, -1) == [sent.id]

    @pytest.mark.parametrize(
        ("args", "field"),
        [
            (("ann", "Hello"), "email"),
            ((None, "Hello"), "email"),
            (("ann@example.com\r\nBcc: eve@example.com", "Hello"), "email"),
            ((ANN, ""), "message"),
            ((ANN, "x" * 2_001), "message"),
            ((ANN, 1), "message"),
        ],
        ids=lambda value: str(value)[:30],
    )
    def test_bad_arguments_fail_once_and_name_the_field(
        self, shop: Shop, args: tuple[Any, ...], field: str
    ) -> None:
        sent = shop.send("send_notification", *args, queue="priority")

        error = shop.failure(sent)

        assert error.startswith(f"InvalidTask: send_notification: {field}: ")
        assert not list(shop.store.scan_iter("notification:*"))
        assert shop.store.hget(f"task:{sent.id}", "deliveries") == "1"


class TestReport:
    def test_it_is_stored_for_today(self, shop: Shop) -> None:
        shop.store.mset({"stock:SKU-2": 0, "stock:BY-HAND": 5})

        result = shop.result(shop.send("daily_stock_report"))

        assert result == {"date": result["date"], "skus": 3, "units": 15, "out_of_stock": 1}
        stored = json.loads(shop.store.get(f"report:stock:{result['date']}"))
        assert stored["levels"] == {"SKU-1": 10, "SKU-2": 0, "BY-HAND": 5}

    def test_twice_is_harmless(self, shop: Shop) -> None:
        first = shop.result(shop.send("daily_stock_report"))

        assert shop.result(shop.send("daily_stock_report")) == first

    @pytest.mark.parametrize("task", ["daily_stock_report", "audit_stock", "check_pending_orders"])
    def test_one_that_ends_its_process_each_time_is_given_up(self, shop: Shop, task: str) -> None:
        # As five processes leave it that were killed.
        shop.store.hset(f"task:poison-{task}", mapping={"attempt": "killed", "attempts": 5})

        error = shop.failure(shop.send(task, task_id=f"poison-{task}"))

        assert error == f"GivenUp: {task} is given up after 5 attempts that came to no end"

    def test_one_that_is_sent_often_under_one_id_is_done_each_time(self, shop: Shop) -> None:
        for _ in range(7):
            shop.result(shop.send("daily_stock_report", task_id="daily"))
            # A client of one id sees no second result while the first stands.
            with shop.server.client(1) as results:
                results.flushdb()


class TestAudit:
    def test_it_keeps_what_it_found_for_the_metrics(self, shop: Shop) -> None:
        with connect(shop.server.dsn(2), "test") as client:
            RedisStockRoom(client, timezone="UTC").put(StockLevel("SKU-1", 10))
        shop.store.set("stock:SKU-1", 7)

        result = shop.result(shop.send("audit_stock"))

        found = {"items": 1, "initial": 10, "left": 7, "missing": 3, "drifting": 1}
        assert {name: result[name] for name in found} == found
        assert json.loads(shop.store.get("audit:result")) == result


class TestSecondNet:
    def test_an_order_whose_message_was_lost_is_found_and_processed(self, shop: Shop) -> None:
        with connect(shop.server.dsn(2), "test") as client:
            RedisOrderBook(client, overdue_after_ms=0).begin(an_order(), "task-1", "lost")

        result = shop.result(shop.send("check_pending_orders"))

        assert result == {"process_order": 1}
        shop.wait("it is processed", lambda: shop.store.get("order:1001:status") == "processed")
        assert shop.store.hget("task:task-1", "deliveries") == "1"

    def test_without_lost_work_it_does_nothing(self, shop: Shop) -> None:
        assert shop.result(shop.send("check_pending_orders")) == {}
