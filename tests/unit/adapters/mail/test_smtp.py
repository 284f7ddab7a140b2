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

from shop.adapters.mail import message, pool, session
from shop.adapters.mail.smtp import SmtpMailer
from shop.domain.errors import DeliveryFailed, DeliveryRefused, SenderRefused
from testing.servers import HOST, free_port
from tests.builders import ANN, a_mail
from tests.unit.adapters.mail.smtp_server import Mailbox, make_certificate, running_smtp

SENDER = "shop@example.com"
#: `p@ss:w/ord`, as it is written in a URL.
CREDENTIALS = "shop%40example.com:p%40ss%3Aw%2Ford"

without_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl is not there to make a certificate"
)


@pytest.fixture(autouse=True)
def _a_connection_for_each_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that none is left when its server stops; how they are shared is tested elsewhere."""
    monkeypatch.setattr(pool, "MAILS_A_CONNECTION", 1)


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
        mailer.deliver(a_mail(message="Your parcel is here."))

        (arrived,) = mailbox.arrived
        assert (arrived.sender, arrived.recipients) == (SENDER, [ANN])
        message = arrived.message
        assert (message["From"], message["To"]) == (SENDER, ANN)
        assert message["Subject"]
        assert re.fullmatch(r"<[^<>@\s]+@example\.com>", message["Message-ID"])
        age = datetime.now(UTC) - parsedate_to_datetime(message["Date"])
        assert timedelta(seconds=-2) < age < timedelta(minutes=1)
        assert message["Auto-Submitted"] == "auto-generated"
        assert message.get_content_type() == "multipart/alternative"
        assert [part.get_content_type() for part in message.iter_parts()] == [
            "text/plain",
            "text/html",
        ]
        assert "Your parcel is here." in arrived.page
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
        mailer.deliver(a_mail(message=text))

        assert mailbox.arrived[0].text.rstrip("\n") == text.rstrip("\n")

    @pytest.mark.parametrize("address", ["анна@пример.рф", "ann.müller@example.com"])
    def test_at_an_address_beyond_ascii(
        self, mailer: SmtpMailer, mailbox: Mailbox, address: str
    ) -> None:
        mailer.deliver(a_mail(email=address, message="Привет"))

        (arrived,) = mailbox.arrived
        assert arrived.recipients == [address]
        assert arrived.message["To"] == address
        assert arrived.text == "Привет\n"

    @pytest.mark.parametrize(
        ("task_id", "left_part"),
        [
            ("5d1e0a3c-8f0e-4f52-9c57-0a4f7a6b9d21", "5d1e0a3c-8f0e-4f52-9c57-0a4f7a6b9d21"),
            ("erp.42_b", "erp.42_b"),
            ("any\r\nBcc: eve@example.com", r"[0-9a-f]{64}"),
            ("Ж", r"[0-9a-f]{64}"),
            ("..", r"[0-9a-f]{64}"),
            ("", r"[0-9a-f]{64}"),
        ],
    )
    def test_with_the_same_id_whatever_the_attempt(
        self, mailer: SmtpMailer, mailbox: Mailbox, task_id: str, left_part: str
    ) -> None:
        mailer.deliver(a_mail(task_id))
        mailer.deliver(a_mail(task_id))
        mailer.deliver(a_mail("another"))

        first, second, other = [arrived.message["Message-ID"] for arrived in mailbox.arrived]
        assert re.fullmatch(rf"<{left_part}@example\.com>", first)
        assert first == second != other

    def test_about_its_order(self, mailer: SmtpMailer, mailbox: Mailbox) -> None:
        mailer.deliver(a_mail(order_id="A-1001"))

        (arrived,) = mailbox.arrived
        assert arrived.message["Subject"] == "Your order A-1001"
        assert list(arrived.message.iter_attachments()) == []
        assert "attached" not in arrived.text + arrived.page

    def test_with_its_invoice(self, mailer: SmtpMailer, mailbox: Mailbox) -> None:
        pdf = b"%PDF-1.4\r\n.\r\n\x00\xff" + bytes(range(256)) * 40
        mailer.deliver(a_mail(order_id="A-1001", invoice=pdf))

        (arrived,) = mailbox.arrived
        (invoice,) = arrived.message.iter_attachments()
        assert invoice.get_content_type() == "application/pdf"
        assert invoice.get_filename() == "invoice-A-1001.pdf"
        assert invoice.get_content() == pdf
        assert arrived.text == "Your parcel is here.\n\nYour invoice is attached.\n"
        assert "Your invoice is attached." in arrived.page

    def test_with_a_page_in_which_nothing_is_markup(self, port: int, mailbox: Mailbox) -> None:
        url = f"smtp://{HOST}:{port}"
        mailer = SmtpMailer(url, sender=SENDER, shop="Tom & Jerry's <shop>")

        mailer.deliver(a_mail(message="<b>1 & 2</b>\r\n$text <script>\rlast"))

        page = mailbox.arrived[0].page
        assert "&lt;b&gt;1 &amp; 2&lt;/b&gt;<br>\n$text &lt;script&gt;<br>\nlast" in page
        assert "Tom &amp; Jerry&#x27;s &lt;shop&gt;" in page
        assert "<b>" not in page

    @pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
    def test_without_a_header_that_the_text_would_smuggle_in(
        self, mailer: SmtpMailer, mailbox: Mailbox, newline: str
    ) -> None:
        smuggled = newline.join(["", "Bcc: eve@example.com", "Subject: mine", "", "Hello"])

        mailer.deliver(a_mail(message=smuggled))

        (arrived,) = mailbox.arrived
        assert arrived.recipients == [ANN]
        assert "Bcc" not in arrived.message
        assert arrived.message["Subject"] == message.SUBJECT
        assert "Bcc: eve@example.com" in arrived.text

    def test_even_a_forged_address_carries_no_header_and_no_second_recipient(
        self, mailer: SmtpMailer, mailbox: Mailbox
    ) -> None:
        # No valid notification has such an address: the check before this one is left out.
        forged = a_mail(email="ann@example.com\r\nBcc: eve@example.com")

        with pytest.raises(DeliveryRefused, match="the address is not valid"):
            mailer.deliver(forged)

        assert mailbox.arrived == []

    def test_from_a_sender_with_a_name(self, port: int, mailbox: Mailbox) -> None:
        SmtpMailer(f"smtp://{HOST}:{port}", sender=f"Our Shop <{SENDER}>").deliver(a_mail())

        (arrived,) = mailbox.arrived
        assert arrived.sender == SENDER
        assert re.fullmatch(r"<[^<>@\s]+@example\.com>", arrived.message["Message-ID"])

    def test_at_a_domain_beyond_ascii_through_a_server_that_knows_ascii_only(
        self, mailbox: Mailbox
    ) -> None:
        with running_smtp(mailbox, enable_SMTPUTF8=False) as port:
            SmtpMailer(f"smtp://{HOST}:{port}", sender=SENDER).deliver(
                a_mail(email="ann@xn--mnchen-3ya.de")
            )

        assert mailbox.arrived[0].recipients == ["ann@xn--mnchen-3ya.de"]

    def test_once_though_the_server_ends_the_conversation_badly(
        self, mailer: SmtpMailer, mailbox: Mailbox
    ) -> None:
        mailbox.answer_to_quit = "421 I am going down"

        mailer.deliver(a_mail())

        assert len(mailbox.arrived) == 1


class TestFails:
    def test_when_the_server_is_not_there(self) -> None:
        with pytest.raises(DeliveryFailed, match="ConnectionRefusedError"):
            SmtpMailer(f"smtp://{HOST}:{free_port()}", sender=SENDER).deliver(a_mail())

    def test_when_the_server_does_not_answer_in_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(session.Session, "_reply_within_s", 0.2)
        with socket.create_server((HOST, 0)) as silent:
            silent_port = silent.getsockname()[1]
            began_s = time.monotonic()
            with pytest.raises(DeliveryFailed, match="SMTPServerDisconnected"):
                SmtpMailer(f"smtp://{HOST}:{silent_port}", sender=SENDER).deliver(a_mail())

        assert time.monotonic() - began_s < 2.0

    def test_when_the_server_knows_no_letters_beyond_ascii(self, mailbox: Mailbox) -> None:
        with (
            running_smtp(mailbox, enable_SMTPUTF8=False) as port,
            pytest.raises(DeliveryRefused, match="no SMTPUTF8"),
        ):
            SmtpMailer(f"smtp://{HOST}:{port}", sender=SENDER).deliver(
                a_mail(email="анна@пример.рф")
            )

    def test_and_the_next_message_is_none_the_worse(
        self, mailer: SmtpMailer, mailbox: Mailbox
    ) -> None:
        mailbox.answer_to_recipient = "451 Try again later"
        with pytest.raises(DeliveryFailed):
            mailer.deliver(a_mail())
        mailbox.answer_to_recipient = "250 OK"

        mailer.deliver(a_mail())

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
        url = f"smtp+plaintext://{CREDENTIALS}@{HOST}:{port}"
        SmtpMailer(url, sender=SENDER).deliver(a_mail())

        assert mailbox.logins == ["shop@example.com"]
        assert len(mailbox.arrived) == 1

    @pytest.mark.parametrize("credentials", ["shop%40example.com:wrong@", ""])
    def test_without_the_right_ones_nothing_is_sent(
        self, port: int, mailbox: Mailbox, credentials: str
    ) -> None:
        url = f"smtp+plaintext://{credentials}{HOST}:{port}"
        with pytest.raises(SenderRefused, match=r"^53\d ") as refused:
            SmtpMailer(url, sender=SENDER).deliver(a_mail())

        assert refused.value.code in (530, 535)

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
            SmtpMailer(f"smtp://{CREDENTIALS}@{HOST}:{port}", sender=SENDER).deliver(a_mail())

        assert mailbox.logins == ["shop@example.com"]
        assert [arrived.encrypted for arrived in mailbox.arrived] == [True]

    def test_from_the_start(self, mailbox: Mailbox, server_context: ssl.SSLContext) -> None:
        with running_smtp(mailbox, ssl_context=server_context) as port:
            SmtpMailer(f"smtps://{HOST}:{port}", sender=SENDER).deliver(a_mail())

        assert len(mailbox.arrived) == 1

    @pytest.mark.parametrize("scheme", ["smtp", "smtps", "smtp+starttls"])
    def test_never_to_a_server_that_nobody_vouches_for(
        self, mailbox: Mailbox, certificate: tuple[Path, ssl.SSLContext], scheme: str
    ) -> None:
        option = "ssl_context" if scheme == "smtps" else "tls_context"
        with (
            running_smtp(mailbox, **{option: certificate[1]}) as port,
            pytest.raises(DeliveryFailed, match="SSLCertVerificationError"),
        ):
            SmtpMailer(f"{scheme}://{HOST}:{port}", sender=SENDER).deliver(a_mail())

        assert mailbox.arrived == []


@pytest.mark.parametrize("url", ["http://127.0.0.1", "127.0.0.1:25", "smtp://", "", "smtp:host"])
def test_what_is_no_mail_server_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="SMTP_URL must be one of smtp, "):
        SmtpMailer(url, sender=SENDER)
