"""Which orders are valid, and what is said of those that are not."""

import json
from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shop.domain.order import (
    Notices,
    Order,
    OrderId,
    OrderRecord,
    OrderStatus,
    Reason,
    order_notices,
)
from tests.builders import an_order

GOOD_IDS = ["1", "a", "_", "-", "SKU-1", "A.b_C-9", "x" * 64, "a..b", "-rf", "1001"]

BAD_IDS = [
    "",
    ".",
    ".hidden",
    "..",
    "x" * 65,
    "a:b",
    "a/b",
    "a\\b",
    "a b",
    " a",
    "a ",
    "a\n",
    "\na",
    "a\x00",
    "a\u00a0",
    "é",
    "٣",
    "{a}",
    "a%2Fb",
    "*",
    None,
    True,
    1.0,
    b"a",
    ["a"],
    {"a": 1},
]

BAD_QUANTITIES = [0, -1, 10_001, 10**12, 10**400, 1.5, 1.0, True, False, "3", "", None, [1], {}]

BAD_EMAILS = [
    "",
    "ann",
    "ann@",
    "@example.com",
    "ann@localhost",
    "ann@example",
    "ann@example..com",
    "ann@exa mple.com",
    "ann@bob@example.com",
    "ann@example.com,bob@example.com",
    "ann@[127.0.0.1]",
    "ann@example.com\n",
    "ann@example.com\r\nBcc: bob@example.com",
    "ann\x00@example.com",
    "a" * 3_000 + "@example.com",
    None,
    1,
    True,
    ["ann@example.com"],
]


def problems(**changed: Any) -> list[tuple[str | int, ...]]:
    """Where the order is wrong."""
    with pytest.raises(ValidationError) as refused:
        an_order(**changed)
    return [error["loc"] for error in refused.value.errors()]


@pytest.mark.parametrize("field", ["id", "item"])
@pytest.mark.parametrize("value", GOOD_IDS)
def test_good_identifiers_are_taken_as_they_are(field: str, value: str) -> None:
    assert getattr(an_order(**{field: value}), field) == value


@pytest.mark.parametrize("field", ["id", "item"])
@pytest.mark.parametrize("value", BAD_IDS, ids=repr)
def test_bad_identifiers_are_refused_by_name(field: str, value: Any) -> None:
    assert problems(**{field: value}) == [(field,)]


@pytest.mark.parametrize(("number", "digits"), [(1001, "1001"), (0, "0"), (-5, "-5")])
def test_a_number_is_taken_as_its_digits(number: int, digits: str) -> None:
    assert an_order(id=number).id == an_order(item=number).item == digits


def test_a_number_of_too_many_digits_is_refused() -> None:
    assert problems(id=10**64) == [("id",)]


@pytest.mark.parametrize("qty", [1, 10_000])
def test_quantities_at_the_edges_are_good(qty: int) -> None:
    assert an_order(qty=qty).qty == qty


@pytest.mark.parametrize("qty", BAD_QUANTITIES, ids=lambda qty: repr(qty)[:20])
def test_bad_quantities_are_refused_by_name(qty: Any) -> None:
    assert problems(qty=qty) == [("qty",)]


@pytest.mark.parametrize("email", BAD_EMAILS, ids=lambda email: repr(email)[:40])
def test_bad_addresses_are_refused_by_name(email: Any) -> None:
    assert problems(email=email) == [("email",)]


@pytest.mark.parametrize(
    ("given_email", "kept"),
    [
        ("ann@example.com", "ann@example.com"),
        ("Ann.O'Hara+shop@Example.COM", "Ann.O'Hara+shop@example.com"),
        ("анна@пример.рф", "анна@пример.рф"),
        ("ann@xn--e1afmkfd.xn--p1ai", "ann@пример.рф"),
    ],
)
def test_good_addresses_are_kept_in_one_form(given_email: str, kept: str) -> None:
    order = an_order(email=given_email)

    assert order.email == kept
    # Otherwise the message of an order would be in conflict with the order's record.
    assert an_order(email=kept) == order


def test_unknown_fields_are_refused_by_name() -> None:
    assert problems(price=1) == [("price",)]


def test_every_problem_is_named_at_once() -> None:
    assert problems(id="a b", item="", qty=0, email="ann") == [
        ("id",),
        ("item",),
        ("qty",),
        ("email",),
    ]


@pytest.mark.parametrize("field", ["id", "item", "qty", "email"])
def test_no_field_may_be_missing(field: str) -> None:
    given_fields = an_order().model_dump()
    del given_fields[field]

    with pytest.raises(ValidationError, match="Field required"):
        Order(**given_fields)


def test_json_is_judged_as_python_is() -> None:
    good = Order.model_validate_json(
        '{"id": 1001, "item": 7, "qty": 2, "email": "ann@example.com"}'
    )
    assert (good.id, good.item) == ("1001", "7")

    for qty in ("1.5", "1.0", '"3"', "true", "1e3", "1000000000000", "null"):
        text = f'{{"id": "1", "item": "2", "qty": {qty}, "email": "ann@example.com"}}'
        with pytest.raises(ValidationError, match="qty"):
            Order.model_validate_json(text)


@given(st.text(max_size=70))
def test_whatever_is_accepted_is_safe_in_a_key_a_url_and_a_file_name(text: str) -> None:
    try:
        accepted = OrderId(text).root
    except ValidationError:
        return
    assert accepted == text
    assert 1 <= len(text) <= 64
    assert not text.startswith(".")
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def test_an_order_is_not_changed_afterwards() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        an_order().qty = 3


def test_the_schema_says_what_is_accepted() -> None:
    schema = json.loads(json.dumps(Order.model_json_schema()))

    assert schema["properties"]["qty"]["maximum"] == 10_000
    assert {choice["type"] for choice in schema["properties"]["id"]["anyOf"]} == {
        "string",
        "integer",
    }
    (number,) = [one for one in schema["properties"]["id"]["anyOf"] if one["type"] == "integer"]
    for bound, beyond in ((number["maximum"], 1), (number["minimum"], -1)):
        assert OrderId(bound).root == str(bound)
        with pytest.raises(ValidationError):
            OrderId(bound + beyond)
    assert schema["additionalProperties"] is False


class TestOwed:
    @pytest.mark.parametrize(
        ("status", "has_invoice", "owed"),
        [
            (OrderStatus.PENDING, False, "process_order"),
            (OrderStatus.PROCESSED, False, "generate_invoice"),
            (OrderStatus.PROCESSED, True, None),
            (OrderStatus.FAILED, False, None),
        ],
    )
    def test_the_status_and_the_invoice_decide(
        self, status: OrderStatus, has_invoice: bool, owed: str | None
    ) -> None:
        record = OrderRecord(
            "1", "SKU-1", 1, "a@example.com", "task-1", status, 0, has_invoice=has_invoice
        )

        assert record.owed == owed


class TestNotices:
    @pytest.mark.parametrize(
        ("status", "reason", "notice"),
        [
            (OrderStatus.PROCESSED, None, "yes"),
            (OrderStatus.FAILED, Reason.UNKNOWN_ITEM, "what?"),
            (OrderStatus.FAILED, "unknown_item", "what?"),
            (OrderStatus.FAILED, Reason.OUT_OF_STOCK, "gone"),
            (OrderStatus.FAILED, "no_price", "how much?"),
        ],
    )
    def test_the_one_that_fits_is_chosen(
        self, status: OrderStatus, reason: str | None, notice: str
    ) -> None:
        assert Notices("yes", "what?", "gone", "how much?").for_outcome(status, reason) == notice

    def test_they_name_the_order_and_what_was_ordered(self) -> None:
        notices = order_notices(an_order("1001", item="SKU-7", qty=3))

        for text in astuple(notices):
            assert "1001" in text
            assert "SKU-7" in text
        assert "3 x SKU-7" in notices.processed

    def test_they_fit_into_a_notification(self) -> None:
        notices = order_notices(an_order("x" * 64, item="y" * 64, qty=10_000))

        for text in astuple(notices):
            assert len(text) <= 2_000
