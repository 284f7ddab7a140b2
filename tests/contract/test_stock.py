"""`StockRoom`: levels, prices, the day's report."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from shop.domain.stock import StockAudit, StockBooks, StockLevel, StockReport, audited
from tests.builders import an_order, follow_ups
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
        unreadable = [
            "many",
            "",
            "1.5",
            "1e3",
            "0x10",
            " 7",
            "007",
            "1_0",
            "-0",
            "+1",
            "-",
            "٣",
            "9" * 20,
        ]
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


def sell(ports: Ports, order_id: str, qty: int, sku: str = "SKU-1") -> None:
    order = an_order(order_id, item=sku, qty=qty)
    ports.book.begin(order, f"task-of-{order_id}", "one")
    for _ in range(2):
        ports.book.settle(order.id, sku, follow_ups(order))


class TestBooks:
    def test_what_is_put_and_sold_is_in_them(self, ports: Ports) -> None:
        ports.stock.put_missing([StockLevel("SKU-1", 10)])
        sell(ports, "a", 3)
        sell(ports, "too-many", 99)
        for _ in range(2):
            ports.stock.put(StockLevel("SKU-1", 20))
        sell(ports, "b", 4)
        ports.stock.put_missing([StockLevel("SKU-1", 500)])

        assert list(ports.stock.books()) == [StockBooks("SKU-1", 10, 13, 7, 16)]
        assert StockBooks("SKU-1", 10, 13, 7, 16).drift == 0

    def test_stock_set_by_hand_comes_in_with_its_first_sale(
        self, ports: Ports, backend: Backend
    ) -> None:
        backend.set_by_hand("stock", "SKU-1", "5")
        assert list(ports.stock.books()) == []

        sell(ports, "a", 2)

        assert list(ports.stock.books()) == [StockBooks("SKU-1", 5, 0, 2, 3)]

    @pytest.mark.parametrize(
        ("text", "left", "drift"), [("9", 9, 1), ("7", 7, -1), ("-2", -2, -10), ("many", None, 0)]
    )
    def test_what_is_changed_by_hand_afterwards_drifts_until_it_is_put(
        self, ports: Ports, backend: Backend, text: str, left: int | None, drift: int
    ) -> None:
        ports.stock.put(StockLevel("SKU-1", 10))
        sell(ports, "a", 2)
        backend.set_by_hand("stock", "SKU-1", text)

        (books,) = ports.stock.books()
        assert (books.left, books.drift) == (left, drift)

        ports.stock.put(StockLevel("SKU-1", 9))
        assert list(ports.stock.books()) == [StockBooks("SKU-1", 10, 1, 2, 9)]

    def test_stock_that_is_no_string_cannot_be_read(self, ports: Ports, backend: Backend) -> None:
        ports.stock.put(StockLevel("SKU-1", 10))
        backend.set_by_hand("stock", "SKU-1", None)

        (books,) = ports.stock.books()
        assert books.left is None

    def test_all_of_many_items_are_in_them(self, ports: Ports) -> None:
        ports.stock.put_missing([StockLevel(f"SKU-{number}", number) for number in range(1_203)])

        books = {row.sku: row.left for row in ports.stock.books()}

        assert books == {f"SKU-{number}": number for number in range(1_203)}


async def test_an_audit_is_kept_for_the_metrics(ports: Ports) -> None:
    audit = audited(
        [
            StockBooks("even", 10, 5, 12, 3),
            StockBooks("surplus", 10, 0, 0, 12),
            StockBooks("missing", 10, -1, 4, 2),
            StockBooks("below", 3, 0, 5, -2),
            StockBooks("unreadable", 1, 0, 0, None),
        ],
        at_ms=7,
    )
    assert audit == StockAudit(
        at_ms=7,
        items=5,
        initial=34,
        restocked=4,
        sold=21,
        left=15,
        surplus=2,
        missing=3,
        drifting=2,
        negative=1,
        unreadable=1,
    )

    ports.stock.store_audit(audit)

    assert (await ports.tallies.read()).audit == audit
