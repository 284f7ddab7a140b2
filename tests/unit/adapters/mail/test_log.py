"""The mailer that only logs, and which of the two is chosen."""

import logging
import time

import pytest

from shop.adapters.mail import LogMailer, SmtpMailer, create_mailer
from tests.builders import ANN, a_notification
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
        LogMailer(delay_s=0.1).deliver(a_notification(message="Ваш заказ в пути"))

    assert pauses_s == [0.1]
    (record,) = caplog.records
    assert ANN in record.getMessage()
    assert "Ваш заказ в пути" in record.getMessage()


def test_the_log_is_the_default_and_takes_the_settings_time(
    pauses_s: list[float], make_settings: MakeSettings
) -> None:
    mailer = create_mailer(make_settings(notification_delay_ms=250))

    assert isinstance(mailer, LogMailer)
    mailer.deliver(a_notification())
    assert pauses_s == [0.25]


def test_a_mail_server_is_used_when_one_is_set(make_settings: MakeSettings) -> None:
    mailer = create_mailer(make_settings(smtp_url="smtp://127.0.0.1:2525"))

    assert isinstance(mailer, SmtpMailer)
