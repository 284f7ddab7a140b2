"""Which cores whose processes run on."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def apart() -> Iterator[Callable[[], None]]:
    """What is started inside runs on all cores but the last; after the call, on that one alone.

    So the shop cannot take the time of the generator, and is offered what was meant to be. Where
    cores cannot be chosen (macOS, a single one) nothing happens: the gate on the generator's lag
    tells whether that did harm.
    """
    if sys.platform == "darwin" or not hasattr(os, "sched_setaffinity"):
        yield lambda: None
        return
    every = os.sched_getaffinity(0)
    generators = {max(every)}
    shops = every - generators or every
    try:
        os.sched_setaffinity(0, shops)
        yield lambda: os.sched_setaffinity(0, generators)
    finally:
        os.sched_setaffinity(0, every)


@contextmanager
def shared() -> Iterator[Callable[[], None]]:
    """All run on all cores."""
    yield lambda: None
