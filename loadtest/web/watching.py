"""Watches a test from inside Locust, without holding up what it sends."""

import json
import logging
import sys
import time
from collections.abc import Sequence

import gevent
from gevent.threadpool import ThreadPool
from locust.log import greenlet_exception_logger

from loadtest.history import Sample
from loadtest.schedule import Kind, Operation
from loadtest.users.live import Group, Live
from loadtest.web.state import Gathered, Taken, counted
from loadtest.web.timeline import WINDOW_S

LOOKS_EVERY_S = 0.5
GATHERS_EVERY_S = 1.0
#: Nobody looks at a page that has not asked for so long.
LOOKED_AT_S = 10.0
#: How long a thread may keep the interpreter from the one that sends; 5 ms by default.
SWITCH_EVERY_S = 0.001
NOTHING = "null"

logger = logging.getLogger(__name__)


class Watch:
    """Gathers in a thread of its own, a second's worth at a time."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._threads = ThreadPool(1)
        self._gathered: Gathered | None = None
        self._is_over = True
        self._last = dict[Group, Sample]()
        self._final: Taken | None = None
        self._json = NOTHING
        self._asked_s = 0.0

    def start(self) -> None:
        sys.setswitchinterval(SWITCH_EVERY_S)
        gevent.spawn(self._run).link_exception(greenlet_exception_logger(logger))

    def json(self) -> str:
        """The state as it was a second ago; `null` before the first test."""
        self._asked_s = time.monotonic()
        return self._json

    def end(self) -> None:
        """The test is being stopped: what comes now was cut off, and says nothing."""
        self._notice_begin()
        if not self._is_over and self._gathered is not None:
            self._final = self._take()
            self._gathered.floods.end()
        self._is_over = True

    def _run(self) -> None:
        due_s = 0.0
        while True:
            gevent.sleep(LOOKS_EVERY_S)
            self._notice_begin()
            if self._gathered is None:
                continue
            if not self._is_over:
                is_flood = self._live.kind is Kind.FLOOD
                self._gathered.floods.look(time.time() * 1000, is_flood=is_flood)
            if self._final is not None:
                taken, self._final = self._final, None
                self._json = self._threads.apply(_digest, (self._gathered, taken, True, True))
            elif not self._is_over and time.monotonic() >= due_s:
                due_s = time.monotonic() + GATHERS_EVERY_S - LOOKS_EVERY_S / 2
                is_looked_at = time.monotonic() - self._asked_s <= LOOKED_AT_S
                arguments = (self._gathered, self._take(), is_looked_at, False)
                self._json = self._threads.apply(_digest, arguments) or self._json

    def _notice_begin(self) -> None:
        began_ms = self._live.began_ms
        if began_ms is None or (self._gathered and self._gathered.began_ms == began_ms):
            return
        self._gathered = Gathered(began_ms)
        self._is_over = False
        self._last.clear()
        self._final = None
        self._json = NOTHING

    def _take(self) -> Taken:
        """In this thread: nothing is added meanwhile."""
        now_ms = time.time() * 1000
        new, recent = list[Sample](), dict[Operation, list[Sample]]()
        for operation in Operation:
            for kind in Kind:
                samples = self._live.samples(operation, kind)
                if samples:
                    new += _after(samples, self._last.get((operation, kind)))
                    self._last[operation, kind] = samples[-1]
                    recent.setdefault(operation, []).extend(samples)
        return Taken(
            at_ms=now_ms,
            new=new,
            recent=recent,
            depths=self._live.depths(since_ms=now_ms - WINDOW_S * 1000),
            walked=self._live.walked(),
            outcomes={op: counted(self._live.outcomes(op)) for op in Operation},
        )


def _digest(gathered: Gathered, taken: Taken, is_wanted: bool, is_last: bool) -> str:
    """In the other thread; empty if no state is wanted."""
    gathered.add(taken)
    return json.dumps(gathered.state(taken, is_last=is_last)) if is_wanted else ""


def _after(samples: Sequence[Sample], last: Sample | None) -> Sequence[Sample]:
    """Those that came after `last`; all of them if it is no longer there."""
    for place in range(len(samples) - 1, -1, -1):
        if samples[place] is last:
            return samples[place + 1 :]
    return samples
