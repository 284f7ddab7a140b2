"""Follows accepted operations to their end, asking the shop as little as that takes."""

from collections import deque
from collections.abc import Callable

import gevent
from gevent.event import Event

from loadtest.users.flight import Flight
from loadtest.users.greenlets import Crew
from loadtest.users.wire import Unanswered, Wire

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
#: After so many pauses the oldest one lets others go first: it may be one that is tried again
#: in a while.
PATIENCE = 6
OK = 200


class Collector:
    """Asks for one operation at a time, the oldest first: tasks of a queue finish in turn."""

    def __init__(
        self, wire: Wire, on_finished: Callable[[Flight], None], *, spacing_s: float = 0.0
    ) -> None:
        """`spacing_s` passes between two requests at least."""
        self._wire = wire
        self._on_finished = on_finished
        self._spacing_s = spacing_s
        self._waiting = deque[Flight]()
        self._has_work = Event()
        self._is_done = Event()
        self._is_done.set()
        self._crew = Crew()
        self._greenlet: gevent.Greenlet | None = None

    def add(self, flight: Flight) -> None:
        self._waiting.append(flight)
        self._is_done.clear()
        self._has_work.set()

    def start(self) -> None:
        if self._greenlet is None:
            self._greenlet = self._crew.spawn(self._run)

    def join(self, within_s: float) -> bool:
        """Whether everything was finished in time."""
        return bool(self._is_done.wait(within_s))

    def stop(self) -> None:
        """Stop asking, and forget what is not finished."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None
        self._waiting.clear()
        self._is_done.set()

    def _run(self) -> None:
        pauses = 0
        while True:
            if not self._waiting:
                self._has_work.clear()
                self._is_done.set()
                self._has_work.wait()
            flight = self._waiting[0]
            if self._is_finished(flight):
                self._waiting.remove(flight)
                self._on_finished(flight)
                pauses = 0
                gevent.sleep(self._spacing_s)
                continue
            if pauses >= PATIENCE:
                self._waiting.rotate(-1)
            gevent.sleep(min(FIRST_PAUSE_S * 2**pauses, LONGEST_PAUSE_S))
            pauses += 1

    def _is_finished(self, flight: Flight) -> bool:
        try:
            answer = self._wire.exchange(self._wire.get(f"/status/{flight.task_id}"))
            view = answer.json()
            return answer.status == OK and isinstance(view, dict) and flight.report(view)
        except (Unanswered, ValueError):
            # The shop may be away for a moment; what was accepted is finished later.
            return False
