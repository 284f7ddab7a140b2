"""Real mail by SMTP."""

import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

from email_validator import validate_email

from shop.domain.errors import DeliveryFailed
from shop.domain.notification import Notification

#: A thread of the `priority` worker is held so long at most by a silent server, a step.
TIMEOUT_S = 10.0
SUBJECT = "Message from the shop"

_FAILURES = (smtplib.SMTPException, OSError)


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

    @property
    def max_delivery_s(self) -> float:
        # Slow in one step and prompt in the others; slower still, and the sweep may send twice.
        return 2 * TIMEOUT_S

    def deliver(self, notification: Notification) -> None:
        address = _wire_address(notification.email)
        message = self._message(address, notification.message)
        try:
            server = self._connect()
        except _FAILURES as error:
            raise _failed(error) from error
        try:
            if not self._tls_first and server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
            if self._user:
                server.login(self._user, self._password)
            # Not `send_message`: it writes lines that begin with "From" as mailbox files need.
            server.sendmail(
                self._sender,
                [address],
                message.as_bytes(),
                mail_options=() if address.isascii() else ("SMTPUTF8", "BODY=8BITMIME"),
            )
        except _FAILURES as error:
            server.close()
            raise _failed(error) from error
        # The server has the message: how the conversation ends is no matter.
        with suppress(*_FAILURES):
            server.quit()

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

    def _message(self, address: str, text: str) -> EmailMessage:
        message = EmailMessage(policy=SMTP if address.isascii() else SMTPUTF8)
        message["From"] = self._sender
        message["To"] = address
        message["Subject"] = SUBJECT
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2])
        message.set_content(text)
        return message


def _wire_address(email: str) -> str:
    """With the domain in its ASCII form where that is all it takes for any server to know it."""
    return validate_email(email, check_deliverability=False).ascii_email or email


def _failed(error: Exception) -> DeliveryFailed:
    # Its text may hold the address; the kind of error is enough to act on.
    code = getattr(error, "smtp_code", "")
    return DeliveryFailed(f"{type(error).__name__} {code}".rstrip())
