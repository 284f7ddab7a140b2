"""The day's stock report."""

from datetime import UTC, date, datetime

import pytest

from shop.domain.errors import StoreUnavailable
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
