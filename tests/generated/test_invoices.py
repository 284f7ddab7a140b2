"""Any invoice that a task may ask for is drawn, and says what was sold."""

import io
from datetime import date
from typing import Any

import pypdf
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.adapters.pdf import PdfInvoiceRenderer
from shop.domain.invoice import InvoiceData, Party, invoice_number
from shop.domain.money import MAX_MINOR, format_amount
from shop.services.invoicing import Invoicing
from testing.fakes import FakeOrderBook, FakeStockRoom, FakeStore
from tests.builders import ANN

#: Letters of one direction, which are read back in the order in which they were written.
READABLE = st.text(alphabet="abcxyzABCXYZäöüßłżЖдёщαβωΩ0123456789", min_size=1, max_size=12)
IDS = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}", fullmatch=True)
PRICES = st.integers(min_value=0, max_value=MAX_MINOR)
QUANTITIES = st.integers(min_value=1, max_value=10**9)
DAYS = st.dates(min_value=date(1, 1, 1))
#: Whatever pydantic lets through as printed text: no lone surrogate, all else.
ANY_PRINTED = st.text(min_size=1, max_size=300)
ANY_DATA = st.fixed_dictionaries(
    {"item": ANY_PRINTED, "qty": QUANTITIES},
    optional={
        "customer": ANY_PRINTED,
        "email": st.just(ANN),
        "unit_price": PRICES,
        "date": DAYS.map(date.isoformat),
    },
)


def made(order_id: str, data: dict[str, Any], currency: str = "EUR") -> bytes:
    """The PDF that `generate_invoice(order_id, data)` keeps, of an order that nobody placed."""
    store = FakeStore()
    invoicing = Invoicing(
        FakeOrderBook(store),
        FakeStockRoom(store),
        PdfInvoiceRenderer(),
        seller=Party("Shop", ("1 Example Street",)),
        currency=currency,
        timezone="UTC",
        max_attempts=3,
    )
    assert (
        invoicing.generate(order_id, InvoiceData.model_validate(data), "invoice-task", "one")
        is True
    )
    return store.invoices[order_id]


def squeezed(text: str) -> str:
    """Without spaces, which a reader of PDF guesses from gaps."""
    return "".join(text.split())


@settings(max_examples=40, deadline=None)
@given(order_id=IDS, data=ANY_DATA)
def test_whatever_is_asked_for_is_a_whole_pdf_that_names_its_order(
    order_id: str, data: dict[str, Any]
) -> None:
    pdf = made(order_id, data)

    assert pdf.endswith(b"%%EOF\n")
    pages = pypdf.PdfReader(io.BytesIO(pdf), strict=True).pages
    assert invoice_number(order_id) in squeezed(pages[0].extract_text())
    # The same again, to the byte: a second delivery must not be a second invoice.
    assert made(order_id, data) == pdf


@settings(max_examples=40, deadline=None)
@given(
    order_id=IDS,
    item=READABLE,
    customer=READABLE,
    qty=QUANTITIES,
    unit_price=PRICES,
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_what_was_sold_can_be_read_back(
    order_id: str, item: str, customer: str, qty: int, unit_price: int, currency: str
) -> None:
    data = {"item": item, "customer": customer, "qty": qty, "unit_price": unit_price}
    pdf = made(order_id, data, currency)

    text = squeezed("".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages))

    for said in (
        invoice_number(order_id),
        item,
        customer,
        format_amount(unit_price, currency),
        format_amount(qty * unit_price, currency),
    ):
        assert squeezed(said) in text
