"""A real SMTP server on a free port, for the tests of `SmtpMailer`."""

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from testing.servers import HOST, free_port


@dataclass
class Arrived:
    """A message that the server took."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    encrypted: bool

    @property
    def text(self) -> str:
        """The body; the lines of a message end in CRLF on their way."""
        return self.part("plain")

    @property
    def page(self) -> str:
        """The same in HTML."""
        return self.part("html")

    def part(self, kind: str) -> str:
        body = self.message.get_body((kind,))
        assert body is not None
        content: str = body.get_content()
        return content.replace("\r\n", "\n")


@dataclass
class Mailbox:
    """The server's side of the conversation: what arrived, and what it answers."""

    arrived: list[Arrived] = field(default_factory=list)
    #: Login names of those who logged in.
    logins: list[str] = field(default_factory=list)
    answer_to_recipient: str = "250 OK"
    answer_to_data: str = "250 OK"
    answer_to_quit: str = "221 Bye"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.answer_to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer_to_recipient

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.answer_to_data.startswith("250"):
            content = envelope.original_content
            assert content is not None
            assert envelope.mail_from is not None
            self.arrived.append(
                Arrived(
                    envelope.mail_from,
                    list(envelope.rcpt_tos),
                    message_from_bytes(content, policy=policy.default),
                    encrypted=session.ssl is not None,
                )
            )
        return self.answer_to_data

    async def handle_QUIT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        return self.answer_to_quit

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        good = (data.login, data.password) == (b"shop@example.com", b"p@ss:w/ord")
        if good:
            self.logins.append(data.login.decode())
        return AuthResult(success=good, handled=False)


@contextmanager
def running_smtp(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    """Gives the port; `options` are aiosmtpd's."""
    port = free_port()
    controller = Controller(mailbox, hostname=HOST, port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def make_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate of 127.0.0.1 that signed itself, and a server's context that shows it."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context
