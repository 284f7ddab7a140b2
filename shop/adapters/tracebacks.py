"""Tracebacks for people: short, without the values of variables, one line a line."""

import re
from collections.abc import Callable
from traceback import TracebackException
from typing import TextIO

from structlog.types import ExcInfo

from shop.adapters.masking import escaped

#: Of one traceback, chained ones included.
MAX_LINES = 30
#: So many of them from its beginning; what was raised last stands at the end.
HEAD_LINES = 6

#: A frame, also inside of a group: its lines are source code. What an exception says may hold
#: anything, and a line break in it would begin a line that nobody logged.
_FRAME = re.compile(r'[ |+-]*  File "')


def write_traceback(out: TextIO, exc_info: ExcInfo, *, mask: Callable[[str], str]) -> None:
    """An exception formatter of structlog's; rich's, its default, shows the variables."""
    out.write("\n" + "\n".join(traceback_lines(exc_info, mask)))


def traceback_lines(exc_info: ExcInfo, mask: Callable[[str], str]) -> list[str]:
    """The traceback without control characters and secrets, its middle left out if it is long."""
    lines = [
        escaped(line)
        for piece in TracebackException(*exc_info, compact=True).format()
        for line in _lines(mask(piece))
    ]
    if len(lines) <= MAX_LINES:
        return lines
    tail = MAX_LINES - HEAD_LINES - 1
    left_out = len(lines) - HEAD_LINES - tail
    return [*lines[:HEAD_LINES], f"  ... {left_out} lines left out ...", *lines[-tail:]]


def _lines(piece: str) -> list[str]:
    return piece.splitlines() if _FRAME.match(piece) else [piece.strip("\n")]
