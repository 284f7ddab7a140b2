"""What an order is sold for: its price, its currency, and the number of its invoice."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from shop.adapters.redis import keys
from shop.adapters.redis.orders import RedisOrderBook
from shop.adapters.redis.scripts import body
from shop.domain.order import Order, OrderRecord, OrderStatus, Priceless, Reason
from shop.domain.ports import OrderBook
from testing.servers import ValkeyProcess
from tests.builders import an_order, follow_ups
from tests.contract.backends import Backend, Ports


def process(book: OrderBook, order: Order) -> OrderRecord:
    book.begin(order, f"task-of-{order.id}", "one")
    book.settle(order.id, order.item, follow_ups(order))
    record = book.find(order.id)
    assert record is not None
    return record


class TestNumbers:
    @pytest.fixture(autouse=True)
    def _stocked(self, backend: Backend) -> None:
        backend.set_by_hand("stock", "SKU-1", "100")
        backend.set_by_hand("price", "SKU-1", "1990")

    def test_they_are_a_sequence_without_gaps_or_repeats(
        self, ports: Ports, backend: Backend
    ) -> None:
        numbers = []
        for order_id in range(5):
            # What fails in between takes none.
            process(ports.book, an_order(f"none-{order_id}", item="NO-SUCH"))
            record = process(ports.book, an_order(str(order_id)))
            # Nor does a second delivery, or a second look.
            assert process(ports.book, an_order(str(order_id))) == record
            numbers.append(record.invoice_number)

        year = datetime.fromtimestamp(backend.now_ms() / 1000, UTC).year
        assert numbers == [f"INV-{year}-{number:06d}" for number in range(1, 6)]

    async def test_the_number_comes_with_the_invoices_task(self, ports: Ports) -> None:
        record = process(ports.book, an_order())

        begun = ports.book.begin_invoice("1001", "invoice-task", "one")
        assert begun.record == record or ports.book.find("1001") == record
        ports.book.bury("1001", Reason.INVOICE_ATTEMPTS_EXHAUSTED)
        (revived,) = ports.book.revive("1001").records
        assert revived.invoice_number == record.invoice_number

    def test_one_taken_up_again_gets_its_number_once_it_is_processed(
        self, ports: Ports, backend: Backend
    ) -> None:
        failed = process(ports.book, an_order("1", qty=101))
        assert (failed.status, failed.invoice_number) == (OrderStatus.FAILED, None)
        backend.set_by_hand("stock", "SKU-1", "1000")
        ports.book.revive("1")

        numbers = [process(ports.book, an_order("1", qty=101)).invoice_number]
        numbers.append(process(ports.book, an_order("2")).invoice_number)
        assert [str(number)[-6:] for number in numbers] == ["000001", "000002"]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"])
def test_a_number_is_of_the_year_in_the_shops_time_zone(backend: Backend, zone: str) -> None:
    backend.set_by_hand("stock", "SKU-1", "100")
    _, book = backend.on_terms(timezone=zone)

    def year() -> str:
        return str(datetime.fromtimestamp(backend.now_ms() / 1000, ZoneInfo(zone)).year)

    before = year()
    number = process(book, an_order()).invoice_number
    assert str(number)[4:8] in (before, year())


def test_years_are_those_of_the_calendar(valkey: ValkeyProcess) -> None:
    text = body("settle_order")
    start = text.index("local function year_of(ms)")
    function = text[start : text.index("\nend\n", start) + 5]
    days = [date(year, month, day) for year in range(1970, 2110) for month, day in EDGES]
    days += [date(year, 2, 29) for year in (1972, 2000, 2024, 2096)]
    stamps = [round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) for day in days]
    with valkey.client() as client:
        for offset_s in (0, 86_399):
            years = client.eval(
                f"{function}local years = {{}}\nfor at, ms in ipairs(ARGV) do "
                "years[at] = year_of(ms + 0) end\nreturn years",
                0,
                *((stamp + offset_s) * 1000 for stamp in stamps),
            )
            assert years == [day.year for day in days]


EDGES = ((1, 1), (2, 28), (3, 1), (6, 30), (12, 31))


class TestCurrency:
    @pytest.fixture(autouse=True)
    def _stocked(self, backend: Backend) -> None:
        backend.set_by_hand("stock", "SKU-1", "100")
        backend.set_by_hand("price", "SKU-1", "392")

    async def test_it_is_the_one_of_the_day_on_which_the_order_was_placed(
        self, backend: Backend
    ) -> None:
        intake, book = backend.on_terms(currency="EUR")
        await intake.place(an_order("1"), "task-of-1")
        process(book, an_order("1"))
        later_intake, later = backend.on_terms(currency="JPY")
        await later_intake.place(an_order("2"), "task-of-2")

        assert process(later, an_order("2")).currency == "JPY"
        record = later.find("1")
        assert record is not None
        assert (record.currency, record.unit_price_minor) == ("EUR", 392)

    async def test_an_order_sent_by_hand_has_one_too(self, backend: Backend) -> None:
        _, book = backend.on_terms(currency="GBP")
        assert process(book, an_order()).currency == "GBP"

    async def test_a_price_in_another_currency_is_not_taken_for_the_orders(
        self, backend: Backend
    ) -> None:
        intake, _ = backend.on_terms(currency="EUR")
        await intake.place(an_order(), "task-of-1001")
        _, later = backend.on_terms(currency="JPY")

        record = process(later, an_order())

        assert (record.status, record.currency) == (OrderStatus.PROCESSED, "EUR")
        assert record.unit_price_minor is None


class TestNoPrice:
    @pytest.mark.parametrize("price", ["19.90", "-5", "", None])
    async def test_the_item_is_counted_by_name(
        self, ports: Ports, backend: Backend, price: str | None
    ) -> None:
        backend.set_by_hand("stock", "SKU-1", "100")
        backend.set_by_hand("price", "SKU-1", price)
        for order_id in ("1", "1", "2"):
            process(ports.book, an_order(order_id))

        assert (await ports.tallies.read()).priceless == {"SKU-1": 2}

    async def test_for_nothing_is_a_price(self, ports: Ports, backend: Backend) -> None:
        backend.set_by_hand("stock", "SKU-1", "100")
        backend.set_by_hand("price", "SKU-1", "0")

        assert process(ports.book, an_order()).unit_price_minor == 0
        assert (await ports.tallies.read()).priceless == {}

    async def test_it_can_be_refused(self, ports: Ports, backend: Backend) -> None:
        backend.set_by_hand("stock", "SKU-1", "100")
        _, book = backend.on_terms(priceless=Priceless.REFUSE)

        record = process(book, an_order())

        assert (record.status, record.reason) == (OrderStatus.FAILED, Reason.NO_PRICE)
        assert record.invoice_number is None
        assert backend.stock_text("SKU-1") == "100"
        assert backend.open_orders() == set()
        notice = ports.notifications.find("notice-of-1001")
        assert notice is not None
        assert notice.message == follow_ups(an_order()).notices.no_price
        tally = await ports.tallies.read()
        assert (tally.orders["no_price"], tally.priceless) == (1, {"SKU-1": 1})

    def test_once_there_is_a_price_it_can_be_taken_up_again(self, backend: Backend) -> None:
        backend.set_by_hand("stock", "SKU-1", "100")
        _, book = backend.on_terms(priceless=Priceless.REFUSE)
        process(book, an_order())
        backend.set_by_hand("price", "SKU-1", "1990")
        book.revive("1001")

        record = process(book, an_order())
        assert (record.status, record.unit_price_minor) == (OrderStatus.PROCESSED, 1990)

    def test_an_unknown_item_is_unknown_first(self, backend: Backend) -> None:
        _, book = backend.on_terms(priceless=Priceless.REFUSE)
        assert process(book, an_order()).reason == Reason.UNKNOWN_ITEM


def test_a_record_of_an_older_version_can_be_settled(valkey: ValkeyProcess) -> None:
    """It has no currency: its price is in the shop's."""
    with valkey.client() as client:
        client.mset({keys.stock("SKU-1"): 10, keys.price("SKU-1"): 500})
        order = an_order()
        fields = {"item": order.item, "qty": order.qty, "email": order.email, "task_id": "t"}
        client.hset(keys.order(order.id), mapping={**fields, "placed_at": 1, "attempts": 0})
        client.set(keys.order_status(order.id), "pending")

        record = process(RedisOrderBook(client, overdue_after_ms=2_000), order)

    assert (record.currency, record.unit_price_minor) == (None, 500)
    assert record.invoice_number is not None


def test_orders_move_on_where_somebody_damaged_the_count_of_numbers(valkey: ValkeyProcess) -> None:
    with valkey.client() as client:
        client.mset({keys.stock("SKU-1"): 10, keys.INVOICES_NUMBERED: "damaged"})

        record = process(RedisOrderBook(client, overdue_after_ms=2_000), an_order())

    assert (record.status, record.invoice_number) == (OrderStatus.PROCESSED, None)
