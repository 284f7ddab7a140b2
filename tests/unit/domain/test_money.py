"""Amounts in minor units, as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.errors import InvalidAmount
from shop.domain.money import MAX_MINOR, format_amount, format_quantity, minor_digits, parse_amount

SPACE = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1990, "EUR", "19.90 EUR"),
        (0, "EUR", "0.00 EUR"),
        (5, "EUR", "0.05 EUR"),
        (123_456_789, "EUR", f"1{SPACE}234{SPACE}567.89 EUR"),
        (10**15, "EUR", f"10{SPACE}000{SPACE}000{SPACE}000{SPACE}000.00 EUR"),
        (1990, "JPY", f"1{SPACE}990 JPY"),
        (1990, "KWD", "1.990 KWD"),
    ],
)
def test_amounts_are_written(minor: int, currency: str, text: str) -> None:
    assert format_amount(minor, currency) == text


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("19.90", "EUR", 1990),
        ("19.9", "EUR", 1990),
        ("19", "EUR", 1900),
        ("0", "EUR", 0),
        ("19.900", "EUR", 1990),
        (" 19.90 ", "EUR", 1990),
        ("1990", "JPY", 1990),
        ("1.990", "KWD", 1990),
    ],
)
def test_amounts_are_read(text: str, currency: str, minor: int) -> None:
    assert parse_amount(text, currency) == minor


@pytest.mark.parametrize(
    "text",
    ["", "free", "19,90", "-1", "-0.01", "19.901", "NaN", "sNaN", "Infinity", "-Infinity", "1.2.3"],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidAmount) as refused:
        parse_amount(text, "EUR")

    assert (refused.value.text, refused.value.currency) == (text, "EUR")


def test_what_is_finer_than_the_currency_is_refused() -> None:
    with pytest.raises(InvalidAmount):
        parse_amount("19.5", "JPY")


@pytest.mark.parametrize("text", ["1e999999999", "1e30", "1000000000.01"])
def test_what_no_price_can_be_is_refused(text: str) -> None:
    with pytest.raises(InvalidAmount):
        parse_amount(text, "EUR")


@given(st.integers(0, MAX_MINOR), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_what_was_written_can_be_read(minor: int, currency: str) -> None:
    amount = format_amount(minor, currency).removesuffix(f" {currency}").replace(SPACE, "")

    assert parse_amount(amount, currency) == minor


@pytest.mark.parametrize(("currency", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("XXX", 2)])
def test_most_currencies_have_hundredths(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


def test_quantities_are_grouped() -> None:
    assert [format_quantity(qty) for qty in (7, 1200, 10_000)] == ["7", "1\u00a0200", "10\u00a0000"]
