"""The SMTP server of a run, spoken to by the shop's own mailer."""

import time
from collections.abc import Iterator

import pytest

from shop.adapters.mail.smtp import SmtpMailer
from shop.domain.errors import DeliveryFailed
from testing.history import Effect
from testing.observers import MailSink
from tests.builders import ANN, a_mail
from tests.unit.testing.memory import Memory


@pytest.fixture
def history() -> Memory:
    return Memory()


@pytest.fixture
def sink(history: Memory) -> Iterator[MailSink]:
    with MailSink(history) as sink:
        yield sink


@pytest.fixture
def mailer(sink: MailSink) -> Iterator[SmtpMailer]:
    mailer = SmtpMailer(sink.url, sender="shop@example.com")
    yield mailer
    mailer.close()


def mails(history: Memory) -> list[tuple[str, str]]:
    effects = history.effects(Effect.MAIL_DELIVERED)
    return [(event.subject, event.data["text"]) for event in effects]


def test_it_says_that_it_watches(sink: MailSink, history: Memory) -> None:
    (event,) = history.events
    assert (event.kind, event.subject) == ("observer", "mail")


@pytest.mark.parametrize("message", ["Your parcel is here.", "Две\nстроки", ".dot\n\nFrom me"])
def test_a_mail_is_recorded_as_it_was_sent(
    mailer: SmtpMailer, history: Memory, message: str
) -> None:
    mailer.deliver(a_mail(message=message))

    assert mails(history) == [(ANN, message)]


def test_each_time_counts(mailer: SmtpMailer, history: Memory) -> None:
    mailer.deliver(a_mail())
    mailer.deliver(a_mail())

    assert len(mails(history)) == 2


def test_what_it_refuses_is_not_delivered(
    sink: MailSink, mailer: SmtpMailer, history: Memory
) -> None:
    with sink.refusing(), pytest.raises(DeliveryFailed, match="451"):
        mailer.deliver(a_mail())
    assert mails(history) == []

    mailer.deliver(a_mail())
    assert len(mails(history)) == 1


def test_it_answers_late(sink: MailSink, mailer: SmtpMailer, history: Memory) -> None:
    with sink.delaying(0.5):
        began_s = time.monotonic()
        mailer.deliver(a_mail())

        assert time.monotonic() - began_s >= 0.5
    assert len(mails(history)) == 1
