"""A customer's e-mail address: pydantic's `EmailStr`, with a short way for the plain ones."""

import re
from typing import Annotated, Any

from email_validator import SPECIAL_USE_DOMAIN_NAMES
from pydantic import EmailStr, ValidatorFunctionWrapHandler, WrapValidator

#: In octets, of the whole address.
_MAX_LENGTH = 254

# No capitals: those of a domain become small, and so do those of names such as `INFO`.
_ATOM = r"[a-z0-9_+-]+"
# Never two hyphens in a row: `xn--` means other letters, and its like is refused.
_LABEL = r"(?![^.]{64})[a-z0-9]+(?:-[a-z0-9]+)*"
# As the library looks them up: the whole domain, or the end of it after a dot.
_NOT_SPECIAL = "".join(rf"(?<![@.]{re.escape(name)})" for name in SPECIAL_USE_DOMAIN_NAMES)
_PLAIN = re.compile(
    rf"(?![^@]{{65}}){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?![^.]{{64}})[a-z]+{_NOT_SPECIAL}"
)


def _known_or_asked_for(value: Any, ask: ValidatorFunctionWrapHandler) -> Any:
    """An address that is surely valid and in its normal form already, or what pydantic makes of it.

    An order's address is checked once in the API and three times in the workers. The library goes
    through it letter by letter, for the sake of quotes and of all scripts, which takes twenty
    times as long as checking the rest of an order. The pattern is narrower than the rules:
    whatever it does not know, it leaves to them.
    """
    # Not one of its subclasses, which pydantic turns into plain texts.
    if type(value) is str and len(value) <= _MAX_LENGTH and _PLAIN.fullmatch(value):
        return value
    return ask(value)


Email = Annotated[EmailStr, WrapValidator(_known_or_asked_for)]
