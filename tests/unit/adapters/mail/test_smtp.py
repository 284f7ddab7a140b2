"""Real mail to a real server, and servers that refuse, stall or are not there."""

import re
import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from shop.adapters.mail import smtp
from shop.adapters.mail.smtp import SmtpMailer
from shop.domain.errors import DeliveryFailed
from testing.servers import HOST, free_port
from tests.builders import ANN, a_notification
from tests.unit.adapters.mail.smtp_server import Mailbox, make_certificate, running_smtp

SENDER = "shop@example.com"
#: `p@ss:w/ord`, as it is written in a URL.
CREDENTIALS = "shop%40example.com:p%40ss%3Aw%2Ford"

without_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl is not there to make a certificate"
)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def port(mailbox: Mailbox) -> Iterator[int]:
    with running_smtp(mailbox, enable_SMTPUTF8=True) as port:
        yield port


@pytest.fixture
def mailer(port: int) -> SmtpMailer:
    return SmtpMailer(f"smtp://{HOST}:{port}", sender=SENDER)


class TestArrives:
    def test_with_its_headers(self, mailer: SmtpMailer, mailbox: Mailbox) -> None:
        mailer.deliver(a_notification(message="Your parcel is here."))

        (arrived,) = mailbox.arrived
        assert (arrived.sender, arrived.recipients) == (SENDER, [ANN])
        message = arrived.message
        assert (message["From"], message["To"]) == (SENDER, ANN)
        assert message["Subject"]
        assert re.fullmatch(r"<[^<>@\s]+@example\.com>", message["Message-ID"])
        age = datetime.now(UTC) - parsedate_to_datetime(message["Date"])
        assert timedelta(seconds=-2) < age < timedelta(minutes=1)
        assert message.get_content_type() == "text/plain"
        assert arrived.text == "Your parcel is here.\n"

    @pytest.mark.parametrize(
        "text",
        [
            "Ваш заказ в пути 🚚",
            "שלום, أهلا, 你好",
            "x" * 2_000,
            "ж" * 2_000,
            ".\n..\n.hidden\n",
            "To: there\n\nSubject: none",
            "From here",
            "tab\tand  spaces ",
        ],
        ids=lambda text: text[:20],
    )
    def test_with_its_text_letter_for_letter(
        self, mailer: SmtpMailer, mailbox: Mailbox, text: str
    ) -> None:
        mailer.deliver(a_notification(message=text))

        assert mailbox.arrived[0].text.rstrip("\n") == text.rstrip("\n")

    @pytest.mark.parametrize("address", ["анна@пример.рф", "ann.müller@example.com"])
    def test_at_an_address_beyond_ascii(
        self, mailer: SmtpMailer, mailbox: Mailbox, address: str
    ) -> None:
        mailer.deliver(a_notification(email=address, message="Привет"))

        (arrived,) = mailbox.arrived
        assert arrived.recipients == [address]
        assert arrived.message["To"] == address
        assert arrived.text == "Привет\n"

    def test_each_message_has_an_id_of_its_own(self, mailer: SmtpMailer, mailbox: Mailbox) -> None:
        mailer.deliver(a_notification())
        mailer.deliver(a_notification())

        first, second = mailbox.arrived
        assert first.message["Message-ID"] != second.message["Message-ID"]

    @pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
    def test_without_a_header_that_the_text_would_smuggle_in(
        self, mailer: SmtpMailer, mailbox: Mailbox, newline: str
    ) -> None:
        smuggled = newline.join(["", "Bcc: eve@example.com", "Subject: mine", "", "Hello"])

        mailer.deliver(a_notification(message=smuggled))

        (arrived,) = mailbox.arrived
        assert arrived.recipients == [ANN]
        assert "Bcc" not in arrived.message
        assert arrived.message["Subject"] == smtp.SUBJECT
        assert "Bcc: eve@example.com" in arrived.text

    def test_even_a_forged_address_carries_no_header_and_no_second_recipient(
        self, mailer: SmtpMailer, mailbox: Mailbox
    ) -> None:
        # No valid notification has such an address: the check before this one is left out.
        forged = a_notification().model_copy(
            update={"email": "ann@example.com\r\nBcc: eve@example.com"}
        )

        with pytest.raises(ValueError, match="invalid characters"):
            mailer.deliver(forged)

        assert mailbox.arrived == []

    def test_from_a_sender_with_a_name(self, port: int, mailbox: Mailbox) -> None:
        SmtpMailer(f"smtp://{HOST}:{port}", sender=f"Our Shop <{SENDER}>").deliver(a_notification())

        (arrived,) = mailbox.arrived
        assert arrived.sender == SENDER
        assert re.fullmatch(r"<[^<>@\s]+@example\.com>", arrived.message["Message-ID"])

    def test_at_a_domain_beyond_ascii_through_a_server_that_knows_ascii_only(
        self, mailbox: Mailbox
    ) -> None:
        with running_smtp(mailbox, enable_SMTPUTF8=False) as port:
            SmtpMailer(f"smtp://{HOST}:{port}", sender=SENDER).deliver(
                a_notification(email="ann@xn--mnchen-3ya.de")
            )

        assert mailbox.arrived[0].recipients == ["ann@xn--mnchen-3ya.de"]

    def test_once_though_the_server_ends_the_conversation_badly(
        self, mailer: SmtpMailer, mailbox: Mailbox
    ) -> None:
        mailbox.answer_to_quit = "421 I am going down"

        mailer.deliver(a_notification())

        assert len(mailbox.arrived) == 1


class TestFails:
    @pytest.mark.parametrize("answer", ["550 No such mailbox", "451 Try again later"])
    def test_when_the_recipient_is_refused(
        self, mailer: SmtpMailer, mailbox: Mailbox, answer: str
    ) -> None:
        mailbox.answer_to_recipient = answer

        with pytest.raises(DeliveryFailed) as failed:
            mailer.deliver(a_notification())

        assert "SMTPRecipientsRefused" in str(failed.value)
        # It is stored and logged as the reason, where addresses do not belong.
        assert ANN not in str(failed.value)

    def test_when_the_message_is_refused(self, mailer: SmtpMailer, mailbox: Mailbox) -> None:
        mailbox.answer_to_data = "554 Looks like spam"

        with pytest.raises(DeliveryFailed, match="554"):
            mailer.deliver(a_notification())

    def test_when_the_server_is_not_there(self) -> None:
        with pytest.raises(DeliveryFailed, match="ConnectionRefusedError"):
            SmtpMailer(f"smtp://{HOST}:{free_port()}", sender=SENDER).deliver(a_notification())

    def test_when_the_server_does_not_answer_in_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(smtp, "TIMEOUT_S", 0.2)
        with socket.create_server((HOST, 0)) as silent:
            silent_port = silent.getsockname()[1]
            began_s = time.monotonic()
            with pytest.raises(DeliveryFailed, match="SMTPServerDisconnected"):
                SmtpMailer(f"smtp://{HOST}:{silent_port}", sender=SENDER).deliver(a_notification())

        assert time.monotonic() - began_s < 2.0

    def test_when_the_server_knows_no_letters_beyond_ascii(self, mailbox: Mailbox) -> None:
        with (
            running_smtp(mailbox, enable_SMTPUTF8=False) as port,
            pytest.raises(DeliveryFailed, match="SMTPNotSupportedError"),
        ):
            SmtpMailer(f"smtp://{HOST}:{port}", sender=SENDER).deliver(
                a_notification(email="анна@пример.рф")
            )

    def test_and_the_next_message_is_none_the_worse(
        self, mailer: SmtpMailer, mailbox: Mailbox
    ) -> None:
        mailbox.answer_to_recipient = "451 Try again later"
        with pytest.raises(DeliveryFailed):
            mailer.deliver(a_notification())
        mailbox.answer_to_recipient = "250 OK"

        mailer.deliver(a_notification())

        assert len(mailbox.arrived) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # as is meant here
class TestLogin:
    @pytest.fixture
    def port(self, mailbox: Mailbox) -> Iterator[int]:
        with running_smtp(
            mailbox,
            auth_required=True,
            auth_require_tls=False,
            authenticator=mailbox.authenticate,
        ) as port:
            yield port

    def test_credentials_are_percent_decoded(self, port: int, mailbox: Mailbox) -> None:
        SmtpMailer(f"smtp://{CREDENTIALS}@{HOST}:{port}", sender=SENDER).deliver(a_notification())

        assert mailbox.logins == ["shop@example.com"]
        assert len(mailbox.arrived) == 1

    @pytest.mark.parametrize("credentials", ["shop%40example.com:wrong@", ""])
    def test_without_the_right_ones_nothing_is_sent(
        self, port: int, mailbox: Mailbox, credentials: str
    ) -> None:
        with pytest.raises(DeliveryFailed, match=r"SMTP\w+ 53\d|SMTPSenderRefused"):
            SmtpMailer(f"smtp://{credentials}{HOST}:{port}", sender=SENDER).deliver(
                a_notification()
            )

        assert mailbox.arrived == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@without_openssl
class TestEncrypted:
    @pytest.fixture
    def server_context(
        self, certificate: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
    ) -> ssl.SSLContext:
        """The server's side; this process trusts its certificate."""
        path, context = certificate
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        return context

    def test_where_the_server_offers_it_and_the_login_comes_after(
        self, mailbox: Mailbox, server_context: ssl.SSLContext
    ) -> None:
        with running_smtp(
            mailbox,
            tls_context=server_context,
            require_starttls=True,
            auth_required=True,
            authenticator=mailbox.authenticate,
        ) as port:
            SmtpMailer(f"smtp://{CREDENTIALS}@{HOST}:{port}", sender=SENDER).deliver(
                a_notification()
            )

        assert mailbox.logins == ["shop@example.com"]
        assert [arrived.encrypted for arrived in mailbox.arrived] == [True]

    def test_from_the_start(self, mailbox: Mailbox, server_context: ssl.SSLContext) -> None:
        with running_smtp(mailbox, ssl_context=server_context) as port:
            SmtpMailer(f"smtps://{HOST}:{port}", sender=SENDER).deliver(a_notification())

        assert len(mailbox.arrived) == 1

    @pytest.mark.parametrize("scheme", ["smtp", "smtps"])
    def test_never_to_a_server_that_nobody_vouches_for(
        self, mailbox: Mailbox, certificate: tuple[Path, ssl.SSLContext], scheme: str
    ) -> None:
        option = "tls_context" if scheme == "smtp" else "ssl_context"
        with (
            running_smtp(mailbox, **{option: certificate[1]}) as port,
            pytest.raises(DeliveryFailed, match="SSLCertVerificationError"),
        ):
            SmtpMailer(f"{scheme}://{HOST}:{port}", sender=SENDER).deliver(a_notification())

        assert mailbox.arrived == []


@pytest.mark.parametrize("url", ["http://127.0.0.1", "127.0.0.1:25", "smtp://", "", "smtp:host"])
def test_what_is_no_mail_server_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="SMTP_URL must be smtp://"):
        SmtpMailer(url, sender=SENDER)
