"""The `data` of a `generate_invoice` task, and an invoice's sums."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from shop.domain.invoice import (
    Invoice,
    InvoiceData,
    InvoiceLine,
    Party,
    invoice_number,
    numbered,
)


def test_nothing_is_needed_when_the_order_is_known() -> None:
    data = InvoiceData.model_validate({})

    assert (data.item, data.qty, data.issued_on) == (None, None, None)


def test_everything_may_be_given() -> None:
    data = InvoiceData.model_validate(
        {
            "item": "Чайник <b>& Co</b>",
            "qty": 3,
            "email": "ann@example.com",
            "customer": "Ann",
            "unit_price": 1990,
            "date": "2026-03-01",
        }
    )

    assert data.item == "Чайник <b>& Co</b>"
    assert data.issued_on == date(2026, 3, 1)
    assert data.unit_price == 1990


def test_what_is_unknown_is_passed_over() -> None:
    assert InvoiceData.model_validate({"colour": "red"}) == InvoiceData()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("item", ""),
        ("item", 1),
        ("item", "x" * 10_001),
        ("qty", 0),
        ("qty", "3"),
        ("qty", 1.5),
        ("qty", True),
        ("email", "ann"),
        ("unit_price", -1),
        ("unit_price", "19.90"),
        ("unit_price", 19.9),
        ("date", "yesterday"),
    ],
)
def test_what_is_wrong_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        InvoiceData.model_validate({field: value})

    assert [error["loc"] for error in refused.value.errors()] == [(field,)]


@pytest.mark.parametrize("data", [None, [], "data", 1])
def test_data_is_an_object(data: Any) -> None:
    with pytest.raises(ValidationError):
        InvoiceData.model_validate(data)


def test_sums() -> None:
    lines = (InvoiceLine("SKU-1", 3, 1990), InvoiceLine("SKU-2", 1, 5))
    invoice = Invoice(
        number=invoice_number("1001"),
        order_id="1001",
        issued_on=date(2026, 3, 1),
        seller=Party("Shop"),
        customer=Party("Ann"),
        lines=lines,
        currency="EUR",
    )

    assert [line.total_minor for line in lines] == [5970, 5]
    assert invoice.total_minor == 5975
    assert invoice.number == "INV-1001"


def test_a_number_outside_the_sequence_is_never_one_of_it() -> None:
    assert numbered(2026, 123) == "INV-2026-000123"
    assert numbered(2026, 1_234_567) == "INV-2026-1234567"
    assert invoice_number("2026-000123") == "INV-.2026-000123"
    assert invoice_number("2026-1") == "INV-2026-1"


def test_a_line_without_a_price_leaves_the_sum_open() -> None:
    line = InvoiceLine("SKU-1", 3, None)

    assert line.total_minor is None
