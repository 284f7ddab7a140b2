"""What no text that leaves a process may hold: the values of secret settings, control characters.

`SecretMask` is the one place that hides secrets: logs, results and answers go through it.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus, unquote

from pydantic import SecretStr
from structlog.types import EventDict, WrappedLogger

from shop.settings import Settings

MASK = "***"
#: A shorter secret is masked where it stands alone: inside of words it would show where it is.
MIN_CHARS = 4

#: C0, DEL and C1; separators that some viewers take for line breaks; marks that turn the
#: direction of text around (CVE-2021-42574); halves of surrogates, which no stream can write.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


class SecretMask:
    """Replaces every value of a secret setting, and every part of one, in any text.

    A value is found as it is, percent-encoded, escaped as `repr`, `ascii` and JSON escape it, and
    in base 64. Of a URL only the credentials are secret, together and the password by itself; of a
    list each item is.
    """

    def __init__(self, settings: Settings) -> None:
        forms = {form for secret in secrets_of(settings) for form in _forms(secret)}
        # The longest first: a URL, before its password leaves the rest of it readable.
        alternatives = [_pattern(form) for form in sorted(forms, key=len, reverse=True)]
        self._found = re.compile("|".join(alternatives)) if alternatives else None

    def __call__(self, text: str) -> str:
        return text if self._found is None else self._found.sub(MASK, text)

    def processor(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        """The same as a processor of structlog, for each text of an event."""
        return {
            name: self(value) if isinstance(value, str) else value for name, value in event.items()
        }


def secrets_of(settings: Settings) -> set[str]:
    """The values of all secret settings, and the parts of them that are secret by themselves."""
    return {
        part
        for value in (getattr(settings, name) for name in type(settings).model_fields)
        if isinstance(value, SecretStr)
        for part in _parts(value.get_secret_value())
        if part.strip()
    }


def escaped(text: str) -> str:
    """`text` with each control character as Python writes it, such as `\\n` or `\\x1b`."""
    return _CONTROL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape", "surrogatepass").decode("ascii")


def _parts(secret: str) -> Iterator[str]:
    _, is_url, rest = secret.partition("://")
    if not is_url:
        yield secret
        yield from (item.strip() for item in secret.split(","))
        return
    # Not `urlsplit`: of a password with a slash that nobody encoded it would find no credentials.
    credentials = rest.rpartition("@")[0]
    yield credentials
    # What stands alone is a token.
    yield credentials.partition(":")[2] or credentials


def _forms(secret: str) -> Iterable[str]:
    for text in {secret, unquote(secret)}:
        yield text
        yield quote(text, safe="")
        yield quote(text)
        yield quote_plus(text)
        for written in (repr(text), ascii(text), json.dumps(text)):
            yield written[1:-1]
        yield base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def _pattern(form: str) -> str:
    pattern = re.escape(form)
    return pattern if len(form) >= MIN_CHARS else rf"(?<!\w){pattern}(?!\w)"
