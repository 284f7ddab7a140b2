"""Which notifications are valid."""

from typing import Any

import pytest
from pydantic import ValidationError

from shop.domain.notification import MAX_MESSAGE_CHARS, Notification
from tests.builders import a_notification


@pytest.mark.parametrize("message", ["x", "x" * MAX_MESSAGE_CHARS, "Ваш заказ\nв пути 🚚", " "])
def test_good_messages_are_kept_as_they_are(message: str) -> None:
    assert a_notification(message=message).message == message


def test_the_length_counts_characters_and_not_bytes() -> None:
    assert len(a_notification(message="🚚" * MAX_MESSAGE_CHARS).message) == MAX_MESSAGE_CHARS


@pytest.mark.parametrize(
    "message", ["", "x" * (MAX_MESSAGE_CHARS + 1), None, 1, True, ["x"], "\ud800"], ids=str
)
def test_bad_messages_are_refused_by_name(message: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        a_notification(message=message)

    assert [error["loc"] for error in refused.value.errors()] == [("message",)]


@pytest.mark.parametrize(
    "email", ["", "ann", "ann@", "ann@localhost", "ann@example.com\nBcc: bob@example.com", None, 1]
)
def test_bad_addresses_are_refused_by_name(email: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        a_notification(email=email)

    assert [error["loc"] for error in refused.value.errors()] == [("email",)]


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValidationError, match="subject"):
        Notification(email="ann@example.com", message="x", subject="y")  # type: ignore[call-arg]
