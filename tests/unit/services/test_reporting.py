"""The day's stock report."""

from datetime import UTC, date, datetime

import pytest

from shop.domain.errors import StoreUnavailable
from shop.domain.stock import StockLevel
from shop.services.reporting import Reporting
from testing.fakes import FakeStockRoom, FakeStore


def test_the_report_is_made_and_stored_for_the_shops_day(store: FakeStore) -> None:
    store.clock.now_ms = int(datetime(2026, 3, 1, 15, 0, tzinfo=UTC).timestamp() * 1000)
    store.stock |= {"SKU-1": "7", "SKU-2": "0", "BAD": "many"}
    room = FakeStockRoom(store, timezone="Asia/Tokyo")

    report = Reporting(room).daily()

    assert report.day == date(2026, 3, 2)
    assert (report.units, report.out_of_stock, report.unreadable) == (7, ["SKU-2"], ("BAD",))
    assert room.stored_report(date(2026, 3, 2)) == report.as_json()


def test_made_twice_the_later_stands(store: FakeStore) -> None:
    room = FakeStockRoom(store)
    store.stock["SKU-1"] = "7"
    Reporting(room).daily()
    store.stock["SKU-1"] = "6"

    later = Reporting(room).daily()

    assert room.stored_report(later.day) == later.as_json()
    assert later.units == 6


def test_without_the_store_there_is_none(store: FakeStore) -> None:
    store.available = False

    with pytest.raises(StoreUnavailable):
        Reporting(FakeStockRoom(store)).daily()


def test_an_audit_names_what_does_not_add_up(
    store: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    room = FakeStockRoom(store)
    for sku in ("FINE", "MORE", "LESS", "BAD"):
        room.put(StockLevel(sku, 5))
    store.stock |= {"MORE": "6", "LESS": "-1", "BAD": "many"}

    found = Reporting(room).audit()

    assert (found.items, found.surplus, found.missing) == (4, 1, 6)
    assert (found.negative, found.unreadable) == (1, 1)
    assert found.at_ms == store.clock.now_ms
    (record,) = caplog.records
    assert record.getMessage() == (
        "stock audit: 3 of 4 items do not add up: MORE (+1), LESS (-6), BAD (unreadable)"
    )


def test_an_audit_of_books_that_add_up_is_silent(
    store: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    room = FakeStockRoom(store)
    room.put(StockLevel("SKU-1", 5))

    assert Reporting(room).audit().drifting == 0
    assert caplog.records == []
