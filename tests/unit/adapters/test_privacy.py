"""What of customers is left in a text that is logged."""

import pytest

from shop.adapters.privacy import masked, unquoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("notified ann@example.com.", "notified a***@example.com."),
        ("('ann@example.com', 2)", "('a***@example.com', 2)"),
        ('{"email": "o\'brien+x@mail.example.com"}', '{"email": "o***@mail.example.com"}'),
        ("<анна@почта.example>", "<а***@почта.example>"),
        ("a@b.example c@d.example", "a***@b.example c***@d.example"),
        ("x@example.com", "x***@example.com"),
        ("/order/ann@example.com", "/***@example.com"),
        ("default@host ready", "default@host ready"),
        ("redis://:**@127.0.0.1:6379/0", "redis://:****@127.0.0.1:6379/0"),
        ("nobody's address", "nobody's address"),
    ],
)
def test_addresses_are_masked_wherever_they_stand(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_what_celery_quotes_is_cut_off() -> None:
    said = "Received unregistered task of type 'x'."
    text = f"{said}\n\nThe full contents of the message body was:\nPsst"

    assert unquoted(text) == f"{said} (the message is left out)"
    assert unquoted("Connected to redis") == "Connected to redis"
