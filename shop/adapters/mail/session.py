"""One conversation with a mail server: Python's own client, as patient as RFC 5321 asks for."""

import re
import smtplib
import ssl
from typing import Any

from shop.adapters.mail.server import MailServer
from shop.adapters.privacy import masked
from shop.domain.errors import DeliveryDeferred, DeliveryFailed, DeliveryRefused, SenderRefused

#: To reach the server at all, TLS included where it comes first.
CONNECT_S = 30.0
#: For the server's greeting, and for its answer to a command: RFC 5321, 4.5.3.2. Who waits for
#: less sends a mail again that a slow server has taken.
GREETING_S = 5 * 60.0
COMMAND_S = 5 * 60.0
COMMANDS_S = {
    "data": 2 * 60.0,
    # Not in that table: whether a connection is still good, and a word of farewell.
    "rset": 10.0,
    "quit": 2.0,
}
#: To send the mail itself, and for the answer to its end, which a server owes once it has the mail.
BLOCK_S = 3 * 60.0
DATA_END_S = 10 * 60.0
#: All of it: connection, greeting, EHLO, STARTTLS, EHLO, two steps of AUTH, MAIL, RCPT, DATA.
LONGEST_S = CONNECT_S + GREETING_S + 7 * COMMAND_S + COMMANDS_S["data"] + BLOCK_S + DATA_END_S

MAX_REASON_CHARS = 300
#: Of AUTH (RFC 4954): they are said of the sender, whatever command they answer.
_ABOUT_CREDENTIALS = {530, 534, 535, 538}
#: A server that has enough of us, in general or for now.
_ABOUT_PACE = {421, 450, 452}
#: RFC 3463: what is wrong lies with the recipient's address or mailbox.
_ABOUT_MAILBOX = re.compile(r"\d\.[12]\.\d")


class _Utf8(str):
    """Credentials: smtplib asks for ASCII, and RFC 4616 for UTF-8."""

    __slots__ = ()

    def encode(self, _encoding: str = "utf-8", _errors: str = "strict") -> bytes:
        return super().encode("utf-8")


class Session(smtplib.SMTP):
    """Begins in clear; gives each step its own time, and credentials their letters."""

    _reply_within_s = GREETING_S

    def __init__(self, *, longest_s: float | None = None, **options: Any) -> None:
        """`longest_s`: no step may take longer, if it is set; `options` are smtplib's."""
        self._longest_s = longest_s
        super().__init__(**options)

    def putcmd(self, cmd: str, args: str = "") -> None:
        self._reply_within_s = COMMANDS_S.get(cmd.lower(), COMMAND_S)
        super().putcmd(cmd, args)

    def send(self, s: Any) -> None:
        if isinstance(s, bytes):
            self._reply_within_s = DATA_END_S
        self._wait(BLOCK_S)
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        self._wait(self._reply_within_s)
        return super().getreply()

    def auth_plain(self, challenge: Any = None) -> str:
        return _Utf8(super().auth_plain(challenge))

    def auth_login(self, challenge: Any = None) -> str:
        return _Utf8(super().auth_login(challenge))

    def auth_cram_md5(self, challenge: Any = None) -> Any:
        # None: it has nothing to say before the server does.
        return None if challenge is None else _Utf8(super().auth_cram_md5(challenge))

    def _wait(self, within_s: float) -> None:
        if self.sock is not None:
            self.sock.settimeout(min(within_s, self._longest_s or within_s))


class TlsSession(Session, smtplib.SMTP_SSL):
    """Begins with TLS."""


def connect(
    server: MailServer,
    context: ssl.SSLContext,
    local_name: str | None,
    *,
    within_s: float | None = None,
) -> smtplib.SMTP:
    """A session in which mail may be sent; raises `DeliveryFailed`, and what smtplib does.

    `within_s`: the longest that any step may take. What the server refuses here says nothing of
    any mail: it is `SenderRefused`.
    """
    session: smtplib.SMTP | None = None
    try:
        where: dict[str, Any] = {
            "host": server.host,
            "port": server.port,
            "local_hostname": local_name,
            "timeout": within_s or CONNECT_S,
            "longest_s": within_s,
        }
        if server.is_tls_from_the_start:
            session = TlsSession(**where, context=context)
        else:
            session = Session(**where)
        session.ehlo_or_helo_if_needed()
        is_encrypted = server.is_tls_from_the_start
        if not is_encrypted and session.has_extn("starttls"):
            session.starttls(context=context)
            session.ehlo_or_helo_if_needed()
            is_encrypted = True
        if server.needs_starttls and not is_encrypted:
            raise SenderRefused("the mail server offers no STARTTLS, which SMTP_URL asks for")
        if server.user:
            if not is_encrypted and not server.may_log_in_in_clear:
                raise SenderRefused(
                    "the mail server offers no STARTTLS, and credentials are not sent in clear"
                )
            if not session.has_extn("auth"):
                raise SenderRefused("the mail server offers no AUTH, and SMTP_URL has credentials")
            session.login(server.user, _Utf8(server.password))
    except BaseException as error:
        if session is not None:
            session.close()
        if not isinstance(error, smtplib.SMTPResponseException):
            raise
        raise SenderRefused(
            reason(server, error.smtp_code, error.smtp_error), code=error.smtp_code
        ) from None
    return session


def send(
    session: smtplib.SMTP, server: MailServer, sender: str, address: str, content: bytes
) -> int:
    """Hand a mail over; the server's code for it. Raises `DeliveryFailed`."""
    options = []
    if not address.isascii():
        if not session.has_extn("smtputf8"):
            raise DeliveryRefused("the mail server offers no SMTPUTF8, which the address needs")
        options.append("SMTPUTF8")
    if not content.isascii():
        options.append("BODY=8BITMIME")
    reply: bytes | str
    code, reply = session.mail(sender, options)
    if code == 250:
        code, reply = session.rcpt(address)
        if code in (250, 251, 252):
            try:
                code, reply = session.data(content)
            except smtplib.SMTPDataError as error:
                code, reply = error.smtp_code, error.smtp_error
            if code == 250:
                return code
    if code == 421:
        # It says that it closes the connection.
        session.close()
    raise _refusal(code, reason(server, code, reply))


def _refusal(code: int, why: str) -> DeliveryFailed:
    if code in _ABOUT_CREDENTIALS:
        return SenderRefused(why, code=code)
    # Of a mailbox that is full, busy or greylisted no other mail knows.
    if code == 421 or (code in _ABOUT_PACE and not _ABOUT_MAILBOX.search(why)):
        return SenderRefused(why, code=code)
    if 500 <= code < 600:
        return DeliveryRefused(why, code=code)
    if code < 0:
        return DeliveryFailed("the mail server's answer is none of SMTP")
    return DeliveryFailed(why, code=code)


def reason(server: MailServer, code: int, reply: bytes | str) -> str:
    """What the server said, on one line, naming neither the customer nor our credentials."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    text = masked(server.masked(text))
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(f"{code} {printable}".split())[:MAX_REASON_CHARS]


def no_connection() -> DeliveryDeferred:
    """Other mails had every connection for too long."""
    return DeliveryDeferred("no connection to the mail server was free in time")
