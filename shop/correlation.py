"""One id from a request through everything that is done for it, in whatever process."""

import random
import re
from contextvars import ContextVar
from typing import Final

#: Of the request, or the task, that is being worked on here; empty for neither.
correlation_id: Final[ContextVar[str]] = ContextVar("correlation_id", default="")

#: Ids that are taken over from outside: they end in logs, and in the headers of messages.
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")


def new_id() -> str:
    # As long as a UUID. Nothing is kept secret by it, so it need not come from the kernel.
    return f"{random.getrandbits(128):032x}"


def accepted(offered: str) -> str:
    """`offered`, or a new id if that is not fit for one."""
    return offered if _ACCEPTABLE.fullmatch(offered) else new_id()
