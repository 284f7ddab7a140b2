"""Orders and the report of the stock, by the command line."""

import json
from typing import Any

import pytest
from redis import Redis

from testing.servers import ValkeyProcess
from tests.unit.cli.commands import Shop


def place(store: Redis, order_id: str, status: str, **fields: Any) -> None:
    record: dict[Any, Any] = {
        "item": "SKU-1",
        "qty": 2,
        "email": "ann@example.com",
        "task_id": "5d1e0a3c-8f0e-4f52-9c57-0a4f7a6b9d21",
        "placed_at": 1_767_225_600_005,
        "attempts": 1,
        **fields,
    }
    store.hset(f"order:{order_id}", mapping=record)
    store.set(f"order:{order_id}:status", status)


def test_an_order_is_shown_by_the_names_of_the_api(shop: Shop, store: Redis) -> None:
    place(store, "7", "processed", processed_at=1_767_225_601_000, unit_price=1990)
    store.set("invoice:7", b"%PDF-")
    shown = shop("order", "show", "7", "--json")
    assert shown.code == 0
    assert shown.json == {
        "order_id": "7",
        "status": "processed",
        "item": "SKU-1",
        "qty": 2,
        "email": "ann@example.com",
        "reason": None,
        "placed_at": "2026-01-01T00:00:00.005Z",
        "processed_at": "2026-01-01T00:00:01.000Z",
        "task_id": "5d1e0a3c-8f0e-4f52-9c57-0a4f7a6b9d21",
        "attempts": 1,
        "unit_price_minor": 1990,
        "currency": None,
        "invoice_number": None,
        "invoice": "/invoice/7",
    }
    table = shop("order", "show", "7").out
    assert "19.90 EUR" in table
    assert "processed at" in table


def test_a_failed_order_is_taken_up_again(shop: Shop, store: Redis, valkey: ValkeyProcess) -> None:
    place(store, "7", "failed", reason="out_of_stock", processed_at=1_767_225_601_000)
    retried = shop("order", "retry", "7", "--json")
    assert retried.code == 0
    assert retried.json["status"] == "pending"
    assert store.zscore("orders:open", "7") is not None
    with valkey.client(0) as broker:
        assert broker.llen("default") == 1


def test_an_order_that_is_in_order_is_not_retried(shop: Shop, store: Redis) -> None:
    place(store, "7", "processed", processed_at=1_767_225_601_000)
    store.set("invoice:7", b"%PDF-")
    refused = shop("order", "retry", "7")
    assert refused.code == 1
    assert refused.err == "shop: order 7 is processed: there is nothing to retry\n"


@pytest.mark.parametrize("command", ["show", "retry"])
def test_an_order_that_is_not_there_is_a_line(shop: Shop, command: str) -> None:
    missing = shop("order", command, "none", "--json")
    assert (missing.code, missing.out) == (1, "")
    assert missing.err == "shop: there is no order none\n"
    assert shop("order", command, "no ne").code == 2


def test_the_report_is_made_stored_and_shown(shop: Shop, store: Redis) -> None:
    store.mset({"stock:A": 3, "stock:B": 0, "stock:C": "many"})
    made = shop("report", "--json").json
    assert made["levels"] == {"A": 3, "B": 0}
    assert (made["skus"], made["units"]) == (2, 3)
    stored = store.get(f"report:stock:{made['date']}")
    assert stored is not None
    assert json.loads(stored)["levels"] == made["levels"]
    shown = shop("report").out
    assert f"{made['date']}: 2 SKUs, 3 units." in shown
    assert "Out of stock: B." in shown
    assert "Not a number: C." in shown


def test_an_earlier_report_is_shown_and_a_missing_one_is_a_line(shop: Shop, store: Redis) -> None:
    day = shop("report", "--json").json["date"]
    store.set("stock:A", 5)
    assert shop("report", "--date", day, "--json").json["levels"] == {}
    missing = shop("report", "--date", "2020-02-29")
    assert (missing.code, missing.err) == (1, "shop: there is no stock report of 2020-02-29\n")
    assert shop("report", "--date", "29.02.2020").code == 2


def test_nothing_is_sent_to_another_shops_broker_and_the_order_stays_as_it_is(
    shop: Shop, store: Redis, valkey: ValkeyProcess
) -> None:
    place(store, "7", "failed", reason="out_of_stock", processed_at=1_767_225_601_000)
    with valkey.client(0) as broker:
        broker.set("shop:owner", "first database 3 of the same server")
        refused = shop("order", "retry", "7", "--json")
        assert broker.llen("default") == 0
    assert (refused.code, refused.out, len(refused.err.splitlines())) == (1, "", 1)
    assert "belongs to another shop" in refused.err
    assert store.get("order:7:status") == "failed"
