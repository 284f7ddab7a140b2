"""Secrets are left out of what a run writes down."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

MASK = "***"

#: Whole words of a name, so that `author` and `keys_total` stay readable.
_SECRET_WORD = re.compile(
    r"(?:^|[^a-z])(?:pass|passwd|password|passphrase|requirepass|masterauth|masteruser|secrets?"
    r"|tokens?|auth|credentials?|(?:api|private|access|signing)[^a-z]?keys?)(?:$|[^a-z])"
)
#: To the last `@`: a password may hold one, and too much hidden does no harm.
_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)\S*@", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_.-]*)=(?P<value>[^\s&]+)")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def is_secret(name: str) -> bool:
    """Whether what goes by this name is nobody's business."""
    return _SECRET_WORD.search(_CAMEL.sub("_", name).lower()) is not None


def masked(value: Any, name: str = "") -> Any:
    """A copy without secrets: those that a name gives away, and credentials inside URLs.

    Empty values stay, for they say that nothing was set.
    """
    if value is None or isinstance(value, bool) or value in ("", [], (), {}):
        return value
    if name and is_secret(name):
        return MASK
    if isinstance(value, Mapping):
        return {str(key): masked(item, str(key)) for key, item in value.items()}
    if isinstance(value, str):
        return _masked_text(value)
    if isinstance(value, Sequence | set | frozenset):
        return [masked(item) for item in value]
    return value


def masked_command(arguments: Sequence[str]) -> list[str]:
    """A command line without secrets: `--api-key X`, `--api-key=X`, `API_KEY=X`."""
    shown = list[str]()
    hide_next = False
    for argument in arguments:
        is_option = argument.startswith("-")
        shown.append(MASK if hide_next and not is_option else _masked_text(argument))
        hide_next = is_option and "=" not in argument and is_secret(argument)
    return shown


def _masked_text(text: str) -> str:
    text = _CREDENTIALS.sub(rf"\g<scheme>{MASK}@", text)
    return _ASSIGNMENT.sub(
        lambda found: f"{found['name']}={MASK}" if is_secret(found["name"]) else found.group(),
        text,
    )
