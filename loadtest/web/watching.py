"""Watches a test from inside Locust, without holding up what it sends."""

import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import gevent
from gevent import subprocess
from gevent.lock import BoundedSemaphore
from locust.log import greenlet_exception_logger

from loadtest.history import Event, as_line
from loadtest.schedule import Kind, Operation
from loadtest.users.live import Live
from loadtest.web.digesting import Tell, tell

ROOT = str(Path(__file__).parents[2])
LOOKS_EVERY_S = 0.5
#: A little less than twice that.
ASKS_EVERY_S = 0.9
#: Nobody looks at a page that has not asked for so long.
LOOKED_AT_S = 10.0
NOTHING = "null"

E = TypeVar("E", bound=Event)
logger = logging.getLogger(__name__)


class Watch:
    """Tells a process of its own what is new, and asks it for the state once a second."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._process: Any = None
        self._pipe = BoundedSemaphore()
        self._began_ms: float | None = None
        self._is_over = True
        #: What was told last, by the list that it stands in.
        self._last = dict[object, Event]()
        self._json = NOTHING
        self._is_asked = False
        self._asked_s = 0.0
        self._looked_at_s = 0.0
        #: Why there is nothing to be seen, a line.
        self.problem: str | None = None

    def start(self) -> None:
        path = os.pathsep.join(filter(None, (ROOT, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "loadtest.web.digesting"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        for work in (self._tell_on, self._hear_on):
            gevent.spawn(work).link_exception(greenlet_exception_logger(logger))

    def json(self) -> str:
        """The state as it was a second ago; `null` before the first test."""
        self._looked_at_s = time.monotonic()
        return self._json

    def end(self) -> None:
        """The test is being stopped: what comes after this was cut off, and says nothing."""
        self._tell_new(is_last=True)

    def _tell_on(self) -> None:
        while self.problem is None:
            gevent.sleep(LOOKS_EVERY_S)
            self._tell_new()

    def _tell_new(self, *, is_last: bool = False) -> None:
        """Everything is taken at once, before anything can be added."""
        now_ms = time.time() * 1000
        lines = self._begun()
        if self._is_over:
            return
        is_flood = self._live.kind is Kind.FLOOD
        lines += map(as_line, self._new())
        lines.append(tell(Tell.FLOOD if is_flood else Tell.NO_FLOOD, now_ms))
        if is_last:
            lines.append(tell(Tell.LAST, now_ms))
            self._is_over = True
        elif self._is_wanted():
            lines.append(tell(Tell.STATE, now_ms))
        try:
            # Others have their turn while the pipe is full.
            with self._pipe:
                self._process.stdin.write("".join(lines).encode())
                self._process.stdin.flush()
        except OSError as error:
            self.problem = f"what judges the test has ended: {error}"

    def _is_wanted(self) -> bool:
        """Whether to ask for the state now; never while an answer is under way."""
        now_s = time.monotonic()
        is_looked_at = now_s - self._looked_at_s <= LOOKED_AT_S
        if not is_looked_at or self._is_asked or now_s - self._asked_s < ASKS_EVERY_S:
            return False
        self._is_asked, self._asked_s = True, now_s
        return True

    def _begun(self) -> list[str]:
        """What to tell first, of a test that is new."""
        began_ms = self._live.began_ms
        if began_ms is None or began_ms == self._began_ms:
            return []
        self._began_ms = began_ms
        self._is_over = False
        self._last.clear()
        self._json = NOTHING
        return [tell(Tell.BEGIN, began_ms)]

    def _new(self) -> list[Event]:
        found = list[Event]()
        for operation in Operation:
            for kind in Kind:
                samples = self._live.samples(operation, kind)
                found += self._after_last((operation, kind), samples)
        found += self._after_last("depths", self._live.depths())
        found += self._after_last("walked", self._live.walked())
        return found

    def _after_last(self, name: object, events: Sequence[E]) -> Sequence[E]:
        """Those that are newer than what was told last; all of them if that is there no more."""
        last = self._last.get(name)
        if events:
            self._last[name] = events[-1]
        for place in range(len(events) - 1, -1, -1):
            if events[place] is last:
                return events[place + 1 :]
        return events

    def _hear_on(self) -> None:
        for line in self._process.stdout:
            self._json = line.decode()
            self._is_asked = False
        self.problem = "what judges the test has ended: see the log"
