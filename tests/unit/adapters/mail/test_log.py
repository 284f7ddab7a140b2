"""The mailer that only logs, and which of the two is chosen."""

import logging
import time

import pytest

from shop.adapters.mail import LogMailer, SmtpMailer, create_mailer
from tests.builders import ANN, a_mail
from tests.conftest import MakeSettings


@pytest.fixture
def pauses_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses_s: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses_s.append)
    return pauses_s


def test_it_takes_its_time_and_logs(
    pauses_s: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="shop.adapters.mail"):
        LogMailer(delay_s=0.1, in_clear=True).deliver(a_mail(message="Ваш заказ в пути"))

    assert pauses_s == [0.1]
    (record,) = caplog.records
    assert ANN in record.getMessage()
    assert "Ваш заказ в пути" in record.getMessage()


@pytest.mark.usefixtures("pauses_s")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_in_production_neither_address_nor_text_is_logged(
    caplog: pytest.LogCaptureFixture, make_settings: MakeSettings, log_format: str
) -> None:
    with caplog.at_level(logging.DEBUG, logger="shop.adapters.mail"):
        create_mailer(make_settings(log_format=log_format)).deliver(a_mail(message="Psst"))

    (record,) = caplog.records
    shown = record.getMessage()
    assert (shown == "notified a***@example.com: 4 characters") == (log_format == "json")
    assert (ANN in shown, "Psst" in shown) == (log_format == "console",) * 2


def test_the_log_is_the_default_and_takes_the_settings_time(
    pauses_s: list[float], make_settings: MakeSettings
) -> None:
    mailer = create_mailer(make_settings(notification_delay_ms=250))

    assert isinstance(mailer, LogMailer)
    mailer.deliver(a_mail())
    assert pauses_s == [0.25]


def test_a_mail_server_is_used_when_one_is_set(make_settings: MakeSettings) -> None:
    mailer = create_mailer(make_settings(smtp_url="smtp://127.0.0.1:2525"))

    assert isinstance(mailer, SmtpMailer)
