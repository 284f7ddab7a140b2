"""Real mail by SMTP."""

import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

from shop.domain.errors import DeliveryFailed
from shop.domain.notification import Notification

#: A thread of the `priority` worker is held so long at most by a silent server, a step.
TIMEOUT_S = 10.0
SUBJECT = "Message from the shop"


class SmtpMailer:
    """Sends one message a connection.

    `url`: `smtp://user:password@host:587` (STARTTLS when the server offers it) or `smtps://`
    (TLS from the start); user and password are optional, percent-encoded.
    """

    def __init__(self, url: str, *, sender: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("SMTP_URL must be smtp://host:port or smtps://host:port")
        self._tls_first = parts.scheme == "smtps"
        self._host = parts.hostname
        self._port = parts.port or (465 if self._tls_first else 587)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._sender = sender

    def deliver(self, notification: Notification) -> None:
        message = self._message(notification)
        try:
            with self._connect() as server:
                if not self._tls_first and server.has_extn("starttls"):
                    server.starttls(context=ssl.create_default_context())
                if self._user:
                    server.login(self._user, self._password)
                server.send_message(message)
        except (smtplib.SMTPException, OSError) as error:
            # Its text may hold the address; the kind of error is enough to act on.
            code = getattr(error, "smtp_code", "")
            raise DeliveryFailed(f"{type(error).__name__} {code}".rstrip()) from error

    def _connect(self) -> smtplib.SMTP:
        server: smtplib.SMTP
        if self._tls_first:
            server = smtplib.SMTP_SSL(
                self._host, self._port, timeout=TIMEOUT_S, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_S)
        server.ehlo()
        return server

    def _message(self, notification: Notification) -> EmailMessage:
        ascii_only = notification.email.isascii()
        message = EmailMessage(policy=SMTP if ascii_only else SMTPUTF8)
        message["From"] = self._sender
        message["To"] = notification.email
        message["Subject"] = SUBJECT
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2])
        message.set_content(notification.message)
        return message
