"""Ctrl-C and SIGTERM end a run in peace, however often they come."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def ended_in_peace() -> Iterator[None]:
    """The first signal raises `KeyboardInterrupt`; later ones do not disturb how all is ended.

    To be entered on the outside of everything that has to be ended. A signal that was ignored
    before, as of a job in the background, stays so.
    """
    is_ending = False
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    heeded = [number for number, handler in before.items() if handler is not signal.SIG_IGN]

    def interrupt(*_: object) -> None:
        nonlocal is_ending
        is_ending = True
        for number in heeded:
            # Not SIG_IGN: what is started to end the rest, such as `docker rm`, would inherit it.
            signal.signal(number, _do_nothing)
        raise KeyboardInterrupt

    for number in heeded:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in heeded:
            # Python's own end takes a moment, too.
            signal.signal(number, signal.SIG_IGN if is_ending else before[number])


def _do_nothing(*_: object) -> None:
    pass
