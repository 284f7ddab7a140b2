"""`StockRoom`: levels, prices, the day's report."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from shop.domain.stock import StockLevel, StockReport
from tests.contract.backends import TIMEZONE, Backend, Ports

DAY = date(2026, 3, 1)


def test_what_is_put_is_there(ports: Ports) -> None:
    ports.stock.put(StockLevel("SKU-2", 5, 1990))
    ports.stock.put(StockLevel("SKU-1", 0))

    assert list(ports.stock.levels()) == [StockLevel("SKU-1", 0), StockLevel("SKU-2", 5, 1990)]


def test_a_level_without_a_price_leaves_the_price(ports: Ports) -> None:
    ports.stock.put(StockLevel("SKU-1", 5, 1990))

    ports.stock.put(StockLevel("SKU-1", 9))

    assert list(ports.stock.levels()) == [StockLevel("SKU-1", 9, 1990)]


def test_a_level_is_put_over_whatever_was_there(ports: Ports, backend: Backend) -> None:
    backend.set_by_hand("stock", "SKU-1", None)
    backend.set_by_hand("price", "SKU-1", "free")

    ports.stock.put(StockLevel("SKU-1", 5, 1990))

    assert list(ports.stock.levels()) == [StockLevel("SKU-1", 5, 1990)]


class TestPutMissing:
    def test_what_is_there_is_never_overwritten(self, ports: Ports, backend: Backend) -> None:
        ports.stock.put(StockLevel("SKU-1", 3, 100))
        backend.set_by_hand("stock", "SKU-2", "0")
        backend.set_by_hand("stock", "SKU-3", "broken")
        backend.set_by_hand("stock", "SKU-4", None)

        added = ports.stock.put_missing(StockLevel(f"SKU-{n}", 50, 1990) for n in range(1, 6))

        assert added == ["SKU-5"]
        assert [backend.stock_text(f"SKU-{n}") for n in (1, 2, 3, 5)] == ["3", "0", "broken", "50"]
        levels = {level.sku: level for level in ports.stock.levels()}
        assert levels["SKU-1"] == StockLevel("SKU-1", 3, 100)

    def test_a_missing_price_is_added_to_stock_that_is_there(
        self, ports: Ports, backend: Backend
    ) -> None:
        backend.set_by_hand("stock", "SKU-1", "3")

        assert ports.stock.put_missing([StockLevel("SKU-1", 50, 1990)]) == []

        assert list(ports.stock.levels()) == [StockLevel("SKU-1", 3, 1990)]

    def test_twice_adds_nothing(self, ports: Ports) -> None:
        levels = [StockLevel("SKU-1", 50, 1990), StockLevel("SKU-2", 50)]

        assert ports.stock.put_missing(levels) == ["SKU-1", "SKU-2"]
        assert ports.stock.put_missing(levels) == []
        assert ports.stock.put_missing([]) == []


class TestReport:
    def test_it_counts_every_item_those_set_by_hand_too(
        self, ports: Ports, backend: Backend
    ) -> None:
        ports.stock.put(StockLevel("SKU-1", 7))
        backend.set_by_hand("stock", "BY-HAND", "12")
        backend.set_by_hand("stock", "with:colon", "-3")
        backend.set_by_hand("price", "SKU-9", "100")
        before_ms = backend.now_ms()

        report = ports.stock.report(DAY)

        assert report.day == DAY
        assert before_ms <= report.generated_at_ms <= backend.now_ms()
        assert report.levels == {"SKU-1": 7, "BY-HAND": 12, "with:colon": -3}
        assert report.units == 16
        assert report.out_of_stock == ["with:colon"]
        assert report.unreadable == ()

    def test_what_is_no_number_is_named_and_not_counted(
        self, ports: Ports, backend: Backend
    ) -> None:
        unreadable = ["many", "", "1.5", "1e3", "0x10", " 7", "007", "-0", "+1", "-", "٣", "9" * 20]
        for number, text in enumerate(unreadable):
            backend.set_by_hand("stock", f"BAD-{number:02}", text)
        backend.set_by_hand("stock", "BAD-LIST", None)
        ports.stock.put(StockLevel("SKU-1", 7))

        report = ports.stock.report(DAY)

        assert report.levels == {"SKU-1": 7}
        assert report.unreadable == (*(f"BAD-{n:02}" for n in range(len(unreadable))), "BAD-LIST")
        assert list(ports.stock.levels()) == [StockLevel("SKU-1", 7)]

    def test_of_an_empty_shop(self, ports: Ports) -> None:
        report = ports.stock.report(DAY)

        assert (report.levels, report.units, report.out_of_stock) == ({}, 0, [])
        assert list(ports.stock.levels()) == []

    def test_it_sees_more_items_than_one_look_shows(self, ports: Ports) -> None:
        ports.stock.put_missing(StockLevel(f"SKU-{number}", 2) for number in range(2_500))

        report = ports.stock.report(DAY)

        assert len(report.levels) == 2_500
        assert report.units == 5_000

    def test_it_is_stored_for_its_day_and_the_later_stands(self, ports: Ports) -> None:
        ports.stock.store_report(StockReport(DAY, 1, {"SKU-1": 1}))
        later = StockReport(DAY, 2, {"SKU-1": 0, "SKU-2": 3}, ("BAD",))
        ports.stock.store_report(later)

        assert ports.stock.stored_report(DAY) == later.as_json()
        assert ports.stock.stored_report(date(2026, 3, 2)) is None

    def test_a_stored_report_is_no_item(self, ports: Ports) -> None:
        ports.stock.store_report(StockReport(DAY, 1, {"SKU-1": 1}))

        assert ports.stock.report(DAY).levels == {}


def test_today_is_the_shops_day_by_the_stores_clock(ports: Ports, backend: Backend) -> None:
    def day_in_the_shop() -> date:
        now = datetime.fromtimestamp(backend.now_ms() / 1000, UTC)
        return now.astimezone(ZoneInfo(TIMEZONE)).date()

    before, today, after = day_in_the_shop(), ports.stock.today(), day_in_the_shop()

    assert before <= today <= after


@pytest.mark.parametrize("sku", ["A.B_C-1", "x" * 64])
def test_every_sku_that_can_be_ordered_can_be_stocked(ports: Ports, sku: str) -> None:
    ports.stock.put(StockLevel(sku, 1, 1))

    assert list(ports.stock.levels()) == [StockLevel(sku, 1, 1)]
