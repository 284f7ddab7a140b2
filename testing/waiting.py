"""Waiting for a condition with a deadline, instead of sleeping for a fixed time."""

import time
from collections.abc import Callable, Sized
from typing import TypeVar

T = TypeVar("T")

POLL_EVERY_S = 0.02
#: For what is to come at all, however busy the machine is.
PATIENT_S = 30.0


class TimedOut(AssertionError):
    """The condition did not come true in time; the message holds what was seen instead."""


def wait_for(
    what: str,
    attempt: Callable[[], T | None],
    *,
    within_s: float,
    explain: Callable[[], str] = lambda: "",
) -> T:
    """The first answer of `attempt` that is there: not None, False or empty. A 0 is one.

    Raises `TimedOut` with the last answer and `explain()`, such as logs and queues.
    """
    deadline_s = time.monotonic() + within_s
    while True:
        answer = attempt()
        is_empty = isinstance(answer, Sized) and not len(answer)
        if answer is not None and answer is not False and not is_empty:
            return answer
        if time.monotonic() > deadline_s:
            raise TimedOut(f"{what}: not within {within_s} s; last seen {answer!r}\n{explain()}")
        time.sleep(POLL_EVERY_S)
