"""Real mail by SMTP."""

import logging
import smtplib
import ssl
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property

from email_validator import EmailNotValidError, validate_email

from shop.adapters.mail import session
from shop.adapters.mail.message import Sender, message
from shop.adapters.mail.pool import ConnectionPool
from shop.adapters.mail.server import MailServer
from shop.domain.errors import DeliveryFailed, DeliveryRefused
from shop.domain.notification import Mail

logger = logging.getLogger(__name__)

#: A mail is left alone for so long once its worker has died. While the worker lives it renews this:
#: a server may take its time for half an hour.
LEASE_S = 20.0


class SmtpMailer:
    """Sends mail in connections that are used again, `connections` of them at most."""

    def __init__(
        self, url: str, *, sender: str, shop: str = "The shop", connections: int = 3
    ) -> None:
        self._server = MailServer.of(url)
        self._sender = Sender.of(sender, shop)
        self._local_name: str | None = None
        self._pool = ConnectionPool(self._connect, connections)

    @property
    def lease_s(self) -> float:
        return LEASE_S

    @property
    def where(self) -> str:
        """Scheme, host and port, without credentials."""
        return f"{self._server.scheme}://{self._server.host}:{self._server.port}"

    def deliver(self, mail: Mail) -> int | None:
        with _failures():
            address = _wire_address(mail.email)
            with self._pool.session() as server:
                built = message(mail, address, self._sender, eight_bit=server.has_extn("8bitmime"))
                return session.send(
                    server, self._server, self._sender.address, address, built.as_bytes()
                )

    def greet(self, *, within_s: float) -> tuple[str, bool]:
        """Begin a conversation and end it: what the server offers, and whether that is encrypted.

        Raises `DeliveryFailed`; no step may take longer than `within_s`.
        """
        with _failures():
            connected = session.connect(
                self._server, self._context, self._local_name, within_s=within_s
            )
            offers = [name.upper() for name in ("8bitmime", "smtputf8") if connected.has_extn(name)]
            is_encrypted = isinstance(connected.sock, ssl.SSLSocket)
            with suppress(smtplib.SMTPException, OSError):
                connected.quit()
            connected.close()
        said = [
            "encrypted" if is_encrypted else "not encrypted",
            *(["logged in"] if self._server.user else []),
            f"offers {', '.join(offers) or 'ASCII only'}",
        ]
        return f"answers, {', '.join(said)}", is_encrypted

    def close(self) -> None:
        """Say goodbye in every connection that is not in use."""
        self._pool.close_idle()

    def _connect(self) -> smtplib.SMTP:
        connected = session.connect(self._server, self._context, self._local_name)
        # To find it out takes a look-up of names each time.
        self._local_name = connected.local_hostname
        return connected

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context()


@contextmanager
def _failures() -> Iterator[None]:
    """Whatever goes wrong is a `DeliveryFailed`."""
    try:
        yield
    except DeliveryFailed:
        raise
    except Exception as error:
        # Its text, and those of its causes, may hold the password or an address.
        if not isinstance(error, smtplib.SMTPException | OSError):
            where = traceback.extract_tb(error.__traceback__)[-1]
            logger.error(
                "a mail could not be sent: %s in %s:%s",
                type(error).__name__, where.filename, where.lineno,
            )  # fmt: skip
        raise DeliveryFailed(type(error).__name__) from None


def _wire_address(email: str) -> str:
    """With the domain in its ASCII form where that is all it takes for any server to know it."""
    try:
        return validate_email(email, check_deliverability=False).ascii_email or email
    except EmailNotValidError:
        # No valid notification has such an address.
        raise DeliveryRefused("the address is not valid") from None
