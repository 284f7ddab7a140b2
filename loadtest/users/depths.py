"""Watches the queues' depths by the shop's metrics."""

from collections.abc import Callable

import gevent

from loadtest.history import Depth
from loadtest.users.clock import Clock
from loadtest.users.gauges import is_empty, parse_depth
from loadtest.users.greenlets import Crew
from loadtest.users.wire import Unanswered, Wire

EVERY_S = 0.5
WHILE_DRAINING_EVERY_S = 0.1
SERVER_ERROR = 500


class DepthReader:
    """Reads the depths at a steady pace, and waits until there are none."""

    def __init__(self, wire: Wire, clock: Clock, on_depth: Callable[[Depth], None]) -> None:
        self._wire = wire
        self._clock = clock
        self._on_depth = on_depth
        self._crew = Crew()
        self._greenlet: gevent.Greenlet | None = None
        #: Whether it ever told its depths.
        self._is_told = False

    def start(self) -> None:
        if self._greenlet is None:
            self._greenlet = self._crew.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None

    def wait_empty(self, within_s: float) -> float | None:
        """When nothing waited and nothing was owed, milliseconds; None if that was not seen.

        A shop that never told its depths counts as empty. One that did, and does not now, has lost
        its store from sight, and with it what it owes.
        """
        deadline_s = self._clock.now_s() + within_s
        while True:
            try:
                depth = self._read()
            except Unanswered:
                is_done = False
            else:
                is_done = not self._is_told if depth is None else is_empty(depth)
            if is_done:
                return self._clock.now_ms()
            if self._clock.now_s() > deadline_s:
                return None
            gevent.sleep(WHILE_DRAINING_EVERY_S)

    def _run(self) -> None:
        while True:
            began_s = self._clock.now_s()
            try:
                depth = self._read()
            except Unanswered:
                depth = None
            if depth is not None:
                self._on_depth(depth)
            gevent.sleep(max(0.0, EVERY_S - (self._clock.now_s() - began_s)))

    def _read(self) -> Depth | None:
        """Raises `Unanswered` where the shop itself is in trouble."""
        answer = self._wire.exchange(self._wire.get("/metrics"))
        if answer.status >= SERVER_ERROR:
            raise Unanswered(f"/metrics answered {answer.status}", answer.sent_s, answer.answered_s)
        text = answer.body.decode(errors="replace")
        depth = parse_depth(text, self._clock.at_ms(answer.sent_s))
        self._is_told = self._is_told or depth is not None
        return depth
