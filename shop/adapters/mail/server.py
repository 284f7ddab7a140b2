"""The mail server that `SMTP_URL` names, and what must be encrypted on the way to it."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

from shop.settings import SMTP_SCHEMES

MASK = "***"
#: What is shorter is no secret, and would be found in every second word.
_SHORTEST_SECRET = 4


@dataclass(frozen=True, slots=True)
class MailServer:
    """`scheme://user:password@host:port`; user and password are optional, percent-encoded.

    | scheme | encryption |
    | --- | --- |
    | `smtp` | STARTTLS where it is offered; without it no credentials are sent |
    | `smtp+starttls` | STARTTLS, or nothing is sent |
    | `smtps` | TLS from the start |
    | `smtp+plaintext` | as `smtp`, and credentials are sent in clear where it is not offered |
    """

    scheme: str
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @classmethod
    def of(cls, url: str) -> Self:
        parts = urlsplit(url)
        if parts.scheme not in SMTP_SCHEMES or not parts.hostname:
            raise ValueError(f"SMTP_URL must be one of {', '.join(SMTP_SCHEMES)}, ://host:port")
        return cls(
            parts.scheme,
            parts.hostname,
            parts.port or (465 if parts.scheme == "smtps" else 587),
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )

    @property
    def is_tls_from_the_start(self) -> bool:
        return self.scheme == "smtps"

    @property
    def needs_starttls(self) -> bool:
        """Whether nothing may be sent without it."""
        return self.scheme == "smtp+starttls"

    @property
    def may_log_in_in_clear(self) -> bool:
        return self.scheme == "smtp+plaintext"

    def masked(self, text: str) -> str:
        """`text` without the credentials, as they are and as AUTH sends them."""
        for secret in sorted(self._secrets(), key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    def _secrets(self) -> Iterator[str]:
        sent = [self.user, self.password, f"\0{self.user}\0{self.password}"]
        for secret in sent:
            if len(secret) >= _SHORTEST_SECRET:
                yield secret
                yield b64encode(secret.encode()).decode()
