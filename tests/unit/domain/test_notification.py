"""Which notifications are valid."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from shop.domain.notification import MAX_MESSAGE_CHARS, MESSAGE_PATTERN, Notification
from tests.builders import a_notification


@pytest.mark.parametrize(
    "message", ["x", "x" * MAX_MESSAGE_CHARS, "Ваш заказ\nв пути 🚚", " \t.\r\n"]
)
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
    "message",
    [
        *(" ", "   ", "\n", "\t\r\n", "\u3000", "\u200b", "\u2028\ufeff", "\u2800"),
        *("bell\a", "\x00", "a\x1b[31mred", "\x7f", "next line\x85", "\x9b31m", "form\x0cfeed"),
    ],
    ids=repr,
)
def test_blank_messages_and_control_characters_are_refused(message: str) -> None:
    with pytest.raises(ValidationError, match=r"is blank|control character U\+00") as refused:
        a_notification(message=message)

    assert [error["loc"] for error in refused.value.errors()] == [("message",)]
    assert not re.search(MESSAGE_PATTERN, message)


def test_the_pattern_in_the_documentation_takes_what_is_taken() -> None:
    schema = Notification.model_json_schema()["properties"]["message"]

    assert schema["pattern"] == MESSAGE_PATTERN
    for message in ("x", "Ваш заказ\nв пути 🚚", " \t.\r\n", "\u202eשלום\u202c", "❤\ufe0f"):
        assert a_notification(message=message)
        assert re.search(MESSAGE_PATTERN, message)


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
