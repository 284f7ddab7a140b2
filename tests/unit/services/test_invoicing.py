"""Making an order's invoice: what stands on it, and that there is one."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from shop.domain.errors import GivenUp, InvalidTask, OrderNotProcessed, StoreUnavailable
from shop.domain.invoice import Invoice, InvoiceData, InvoiceLine, Party
from shop.domain.order import Reason
from shop.services.invoicing import Invoicing
from testing.fakes import FakeInvoiceRenderer, FakeOrderBook, FakeStockRoom, FakeStore
from tests.builders import ANN, an_order, follow_ups

SELLER = Party("Shop", ("1 Example Street",))
MAX_ATTEMPTS = 3


@pytest.fixture
def book(store: FakeStore) -> FakeOrderBook:
    return FakeOrderBook(store)


@pytest.fixture
def renderer() -> FakeInvoiceRenderer:
    return FakeInvoiceRenderer()


@pytest.fixture
def invoicing(store: FakeStore, book: FakeOrderBook, renderer: FakeInvoiceRenderer) -> Invoicing:
    return make(store, book, renderer)


def make(
    store: FakeStore, book: FakeOrderBook, renderer: FakeInvoiceRenderer, timezone: str = "UTC"
) -> Invoicing:
    return Invoicing(
        book,
        FakeStockRoom(store, timezone=timezone),
        renderer,
        seller=SELLER,
        currency="EUR",
        timezone=timezone,
        max_attempts=MAX_ATTEMPTS,
    )


def data(**given: Any) -> InvoiceData:
    return InvoiceData.model_validate(given)


def process(store: FakeStore, book: FakeOrderBook) -> None:
    order = an_order(qty=3)
    store.stock[order.item] = "10"
    store.prices[order.item] = "1990"
    book.begin(order, "task-1", "one")
    book.settle(order.id, order.item, follow_ups(order))


class TestOfAnOrder:
    @pytest.fixture(autouse=True)
    def _processed(self, store: FakeStore, book: FakeOrderBook) -> None:
        process(store, book)

    def test_it_says_what_was_sold_to_whom(
        self, invoicing: Invoicing, store: FakeStore, renderer: FakeInvoiceRenderer
    ) -> None:
        assert invoicing.generate("1001", data(), "invoice-task", "one") is True

        invoice = Invoice(
            number="INV-2026-000001",
            order_id="1001",
            issued_on=date(2026, 3, 1),
            seller=SELLER,
            customer=Party(ANN),
            lines=(InvoiceLine("SKU-1", 3, 1990),),
            currency="EUR",
        )
        assert renderer.invoices == [invoice]
        assert store.invoices["1001"] == renderer.render(invoice)
        assert store.orders_open == {}

    def test_currency_and_number_are_the_orders(
        self, store: FakeStore, book: FakeOrderBook, renderer: FakeInvoiceRenderer
    ) -> None:
        store.orders["1001"].currency = "JPY"

        make(store, book, renderer).generate("1001", data(), "invoice-task", "one")

        (invoice,) = renderer.invoices
        assert (invoice.currency, invoice.number) == ("JPY", "INV-2026-000001")

    def test_an_older_record_has_the_shops_currency_and_a_number_of_its_own(
        self, store: FakeStore, book: FakeOrderBook, renderer: FakeInvoiceRenderer
    ) -> None:
        store.orders["1001"].currency = store.orders["1001"].invoice_number = None

        make(store, book, renderer).generate("1001", data(), "invoice-task", "one")

        (invoice,) = renderer.invoices
        assert (invoice.currency, invoice.number) == ("EUR", "INV-1001")

    def test_without_a_price_there_is_no_amount(
        self, store: FakeStore, book: FakeOrderBook, renderer: FakeInvoiceRenderer
    ) -> None:
        store.orders["1001"].unit_price_minor = None

        make(store, book, renderer).generate("1001", data(), "invoice-task", "one")

        (invoice,) = renderer.invoices
        assert invoice.lines == (InvoiceLine("SKU-1", 3, None),)
        assert invoice.total_minor is None

    def test_the_record_wins_over_the_data(
        self, invoicing: Invoicing, renderer: FakeInvoiceRenderer
    ) -> None:
        invoicing.generate(
            "1001",
            data(item="GOLD", qty=1, email="eve@example.com", unit_price=1, date="1999-01-01"),
            "invoice-task",
            "one",
        )

        (invoice,) = renderer.invoices
        assert invoice.lines == (InvoiceLine("SKU-1", 3, 1990),)
        assert invoice.customer == Party(ANN)
        assert invoice.issued_on == date(2026, 3, 1)

    def test_the_customers_name_comes_from_the_data(
        self, invoicing: Invoicing, renderer: FakeInvoiceRenderer
    ) -> None:
        invoicing.generate("1001", data(customer="Анна Петрова"), "invoice-task", "one")

        assert renderer.invoices[0].customer == Party("Анна Петрова", (ANN,))

    def test_made_twice_the_first_stands_and_nothing_is_drawn_again(
        self, invoicing: Invoicing, store: FakeStore, renderer: FakeInvoiceRenderer
    ) -> None:
        invoicing.generate("1001", data(), "invoice-task", "one")
        first = store.invoices["1001"]

        assert invoicing.generate("1001", data(customer="Eve"), "invoice-task", "two") is False

        assert store.invoices["1001"] == first
        assert len(renderer.invoices) == 1

    def test_made_again_much_later_it_would_be_the_same(
        self, invoicing: Invoicing, store: FakeStore
    ) -> None:
        invoicing.generate("1001", data(), "invoice-task", "one")
        first = store.invoices.pop("1001")
        store.clock.advance(90 * 24 * 60 * 60 * 1000)
        store.prices["SKU-1"] = "5"

        assert invoicing.generate("1001", data(), "invoice-task", "two") is True

        assert store.invoices["1001"] == first

    def test_after_the_last_attempt_it_is_given_up(
        self, invoicing: Invoicing, book: FakeOrderBook, store: FakeStore
    ) -> None:
        for number in range(MAX_ATTEMPTS):
            book.begin_invoice("1001", "invoice-task", f"killed-{number}")

        assert invoicing.generate("1001", data(), "invoice-task", "one-too-many") is False

        assert "1001" not in store.invoices
        assert set(store.orders_dead) == {"1001"}
        row = store.orders["1001"]
        assert (row.status, row.reason) == ("processed", Reason.INVOICE_ATTEMPTS_EXHAUSTED)

    def test_the_last_attempt_counts(self, invoicing: Invoicing, book: FakeOrderBook) -> None:
        for number in range(MAX_ATTEMPTS - 1):
            book.begin_invoice("1001", "invoice-task", f"killed-{number}")

        assert invoicing.generate("1001", data(), "invoice-task", "the-last") is True


@pytest.mark.parametrize(
    ("timezone", "day"),
    [
        ("UTC", date(2026, 3, 1)),
        ("Asia/Tokyo", date(2026, 3, 2)),
        ("America/New_York", date(2026, 3, 1)),
    ],
)
def test_the_day_of_the_sale_is_the_shops_day(
    store: FakeStore, book: FakeOrderBook, renderer: FakeInvoiceRenderer, timezone: str, day: date
) -> None:
    store.clock.now_ms = int(datetime(2026, 3, 1, 20, 0, tzinfo=UTC).timestamp() * 1000)
    process(store, book)
    invoicing = make(store, book, renderer, timezone)
    store.clock.advance(10 * 24 * 60 * 60 * 1000)

    invoicing.generate("1001", data(), "invoice-task", "one")

    assert renderer.invoices[0].issued_on == day


@pytest.mark.parametrize("item", ["SKU-1", "SKU-404"])
def test_an_order_that_is_not_processed_gets_none(
    invoicing: Invoicing, book: FakeOrderBook, renderer: FakeInvoiceRenderer, item: str
) -> None:
    order = an_order(item=item)
    book.begin(order, "task-1", "one")
    if item == "SKU-404":
        book.settle(order.id, order.item, follow_ups(order))

    with pytest.raises(OrderNotProcessed) as refused:
        invoicing.generate("1001", data(item="GOLD", qty=1), "invoice-task", "one")

    assert refused.value.status == ("failed" if item == "SKU-404" else "pending")
    assert renderer.invoices == []


class TestOfDataAlone:
    def test_the_data_says_everything(
        self, invoicing: Invoicing, store: FakeStore, renderer: FakeInvoiceRenderer
    ) -> None:
        given = data(
            item="Teapot", qty=2, email=ANN, customer="Ann", unit_price=500, date="2025-12-31"
        )

        assert invoicing.generate("by-hand", given, "invoice-task", "one") is True

        assert renderer.invoices == [
            Invoice(
                number="INV-by-hand",
                order_id="by-hand",
                issued_on=date(2025, 12, 31),
                seller=SELLER,
                customer=Party("Ann", (ANN,)),
                lines=(InvoiceLine("Teapot", 2, 500),),
                currency="EUR",
            )
        ]
        assert set(store.invoices) == {"by-hand"}

    def test_little_is_enough(self, invoicing: Invoicing, renderer: FakeInvoiceRenderer) -> None:
        invoicing.generate("by-hand", data(item="Teapot", qty=2), "invoice-task", "one")

        (invoice,) = renderer.invoices
        assert invoice.issued_on == date(2026, 3, 1)
        assert invoice.lines == (InvoiceLine("Teapot", 2, None),)
        assert invoice.customer.name

    def test_without_a_date_it_is_the_shops_day(
        self, store: FakeStore, book: FakeOrderBook, renderer: FakeInvoiceRenderer
    ) -> None:
        store.clock.now_ms = int(datetime(2026, 3, 1, 20, 0, tzinfo=UTC).timestamp() * 1000)

        make(store, book, renderer, "Asia/Tokyo").generate(
            "by-hand", data(item="Teapot", qty=2), "invoice-task", "one"
        )

        assert renderer.invoices[0].issued_on == date(2026, 3, 2)

    def test_one_that_ends_its_process_each_time_is_given_up(
        self, invoicing: Invoicing, book: FakeOrderBook, renderer: FakeInvoiceRenderer
    ) -> None:
        for number in range(MAX_ATTEMPTS):
            book.begin_invoice("by-hand", "poison", f"killed-{number}")

        with pytest.raises(GivenUp, match=f"generate_invoice is given up after {MAX_ATTEMPTS}"):
            invoicing.generate("by-hand", data(item="Teapot", qty=2), "poison", "one-too-many")
        assert renderer.invoices == []

        # The order is not to blame: another task may be the first that comes to an end.
        assert invoicing.generate("by-hand", data(item="Teapot", qty=2), "sound", "one") is True

    @pytest.mark.parametrize("given", [{}, {"item": "Teapot"}, {"qty": 2}])
    def test_too_little_is_an_invalid_task(
        self,
        invoicing: Invoicing,
        store: FakeStore,
        renderer: FakeInvoiceRenderer,
        given: dict[str, Any],
    ) -> None:
        with pytest.raises(InvalidTask, match="there is no order by-hand"):
            invoicing.generate("by-hand", data(**given), "invoice-task", "one")

        assert renderer.invoices == []
        assert store.invoices == {}


def test_without_the_store_nothing_is_drawn(
    invoicing: Invoicing, store: FakeStore, renderer: FakeInvoiceRenderer
) -> None:
    store.available = False

    with pytest.raises(StoreUnavailable):
        invoicing.generate("1001", data(), "invoice-task", "one")

    assert renderer.invoices == []
