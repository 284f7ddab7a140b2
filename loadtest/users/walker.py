"""Open arrivals: each is sent when it is due, whatever became of those before it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import gevent
from gevent.pool import Pool

from loadtest.schedule import Operation
from loadtest.users.clock import Clock
from loadtest.users.flight import Flight
from loadtest.users.greenlets import Crew
from loadtest.users.wire import Request, Unanswered, Wire

Send = Callable[["Departure"], None]


@dataclass(frozen=True, slots=True)
class Departure:
    """An arrival that is ready to be sent."""

    flight: Flight
    request: Request
    #: What the shop is told: an order's id, a notification's message.
    name: str


class Walker:
    """One greenlet walks; each departure is sent by a greenlet of a bounded pool.

    Each operation has a pool of its own: orders that hang do not cost a probe. Whatever finds
    its pool full is dropped at once, and told as such.
    """

    def __init__(
        self, clock: Clock, *, pool_size: int, on_dropped: Callable[[Flight], None]
    ) -> None:
        self._clock = clock
        self._pool_size = pool_size
        self._on_dropped = on_dropped
        self._crew = Crew()
        self._pools = {operation: Pool(pool_size) for operation in Operation}

    def walk(self, departures: Iterable[Departure], began_s: float, send: Send) -> None:
        """Returns when the last was sent; `began_s` is when the arrivals' times count from."""
        for departure in departures:
            flight = departure.flight
            due_s = began_s + flight.at_s
            flight.intended_ms = self._clock.at_ms(due_s)
            sleep_until(due_s)
            pool = self._pools[flight.operation]
            if pool.free_count() > 0:
                self._crew.spawn(send, departure, by=pool.spawn)
            else:
                flight.drop(self._pool_size)
                self._on_dropped(flight)

    def join(self) -> None:
        """Until everything that was sent is answered; a request's time-out bounds it."""
        for pool in self._pools.values():
            pool.join()

    def stop(self) -> None:
        for pool in self._pools.values():
            pool.kill()


class Placing:
    """Sends a departure's request, and notes what the shop says to it."""

    def __init__(self, wire: Wire, clock: Clock) -> None:
        self._wire = wire
        self._clock = clock

    def __call__(self, departure: Departure) -> None:
        flight, at_ms = departure.flight, self._clock.at_ms
        try:
            answer = self._wire.exchange(departure.request)
        except Unanswered as error:
            sent_ms = None if error.sent_s is None else at_ms(error.sent_s)
            flight.fail(str(error), sent_ms, at_ms(error.ended_s))
        else:
            flight.answer(
                answer.status,
                answer.headers,
                answer.body,
                sent_ms=at_ms(answer.sent_s),
                answered_ms=at_ms(answer.answered_s),
            )


def sleep_until(due_s: float) -> None:
    """Until `perf_counter` says so; never less, for the loop's timers may be early.

    Others get their turn even when it is late already.
    """
    gevent.sleep(max(0.0, due_s - Clock.now_s()))
    while (left_s := due_s - Clock.now_s()) > 0:
        gevent.sleep(left_s)
