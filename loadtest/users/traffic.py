"""All that sends to one shop and watches it, put together."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping

import gevent

from loadtest.history import Depth, Sample
from loadtest.schedule import Arrival, Operation
from loadtest.users.clock import Clock
from loadtest.users.collector import Collector
from loadtest.users.depths import DepthReader
from loadtest.users.flight import Flight, Place
from loadtest.users.plan import name_of, payload_of
from loadtest.users.series import PATHS, Series
from loadtest.users.walker import Departure, Placing, Send, Walker
from loadtest.users.wire import Wire

#: Requests of each operation that may be under way at once: under an overload each that is refused
#: is for as long as one that is accepted, and longer.
POOL_SIZE = 4_000
#: Kept before a block begins; more are opened when they are needed.
CONNECTIONS = 16
#: Between two questions while a load runs: at most 200 a second for each operation.
LIVE_SPACING_S = 0.005
#: Flights whose telling takes some 10 ms: for so long nothing else runs, and a signal waits.
TOLD_AT_ONCE = 100

Record = Callable[[Sample | Depth], None]


class Traffic:
    """Sends departures, follows what is accepted, reads depths; each on connections of its own.

    What is live is followed at once, anything else when `collect` is called.
    """

    def __init__(
        self,
        base_url: str,
        *,
        series: Series,
        record: Record,
        api_key: str | None = None,
        is_live: bool = False,
        pool_size: int = POOL_SIZE,
    ) -> None:
        """`record` is given each operation once, at its end. Raises `BadUrl`."""
        self.clock = Clock()
        self.sending = Wire(base_url, api_key=api_key)
        self._watching = Wire(base_url, api_key=api_key)
        self._series = series
        self._record = record
        self._is_live = is_live
        spacing_s = LIVE_SPACING_S if is_live else 0.0
        self._collectors: Mapping[Operation, Collector] = {
            operation: Collector(self._watching, self.finished, spacing_s=spacing_s)
            for operation in Operation
        }
        #: What was answered, or dropped, and is not yet told: that takes a quarter of an exchange's
        #: time, which a flood needs for the next.
        self._untold = deque[Flight]()
        #: What was begun and is not yet recorded, in the order of departure.
        self._open = dict[int, Flight]()
        self._place = Placing(self.sending, self.clock)
        self._walker = Walker(self.clock, pool_size=pool_size, on_dropped=self.answered)
        self.depths = DepthReader(self._watching, self.clock, record)
        if is_live:
            self._start_collectors()

    def departure(self, place: Place, arrival: Arrival, run_id: str) -> Departure:
        flight = Flight(place, arrival.operation, arrival.key, arrival.at_s)
        request = self.sending.post(PATHS[arrival.operation], payload_of(run_id, arrival))
        return Departure(flight, request, name_of(run_id, arrival.key))

    def walk(
        self, departures: Iterable[Departure], began_s: float, send: Send | None = None
    ) -> None:
        """Returns when the last was sent.

        `send` does more with a departure than `place` it; it calls `finished` for what was
        accepted, which only traffic that is live has told of by then.
        """
        self._walker.walk(map(self._opened, departures), began_s, send or self._place_and_follow)

    def place(self, departure: Departure) -> Flight:
        """Send it, and note the answer."""
        self._place(departure)
        self.answered(departure.flight)
        return departure.flight

    def answered(self, flight: Flight) -> None:
        """It was accepted, refused or dropped; told at once if live, else by `collect`."""
        if self._is_live:
            self._tell(flight)
        else:
            self._untold.append(flight)

    def finished(self, flight: Flight) -> None:
        """What was accepted has ended, or was given up."""
        self._series.finished(flight.sample())
        self._close(flight)

    def collect(self, within_s: float) -> bool:
        """Wait for answers and follow everything accepted to its end; whether all was in time.

        What was not is recorded as unfinished.
        """
        self._walker.join()
        while self._untold:
            self._tell_some()
            gevent.sleep(0)
        deadline_s = self.clock.now_s() + within_s
        self._start_collectors()
        for collector in self._collectors.values():
            collector.join(max(0.0, deadline_s - self.clock.now_s()))
        all_done = not self._open
        self._give_up(is_failure=True)
        if self._is_live:
            self._start_collectors()
        return all_done

    def stop(self) -> None:
        """End at once; what is known of operations under way is recorded."""
        self.depths.stop()
        self._walker.stop()
        while self._untold:
            self._tell_some()
        self._give_up(is_failure=False)
        self.sending.close()
        self._watching.close()

    def _tell_some(self) -> None:
        for _ in range(min(TOLD_AT_ONCE, len(self._untold))):
            self._tell(self._untold.popleft())

    def _tell(self, flight: Flight) -> None:
        self._series.answered(flight.sample())
        if not flight.is_accepted:
            self._close(flight)

    def _start_collectors(self) -> None:
        for collector in self._collectors.values():
            collector.start()

    def _opened(self, departure: Departure) -> Departure:
        self._open[id(departure.flight)] = departure.flight
        return departure

    def _place_and_follow(self, departure: Departure) -> None:
        flight = self.place(departure)
        if flight.is_accepted:
            self._collectors[flight.operation].add(flight)

    def _give_up(self, *, is_failure: bool) -> None:
        for collector in self._collectors.values():
            collector.stop()
        for flight in list(self._open.values()):
            if is_failure and flight.is_accepted:
                self._series.finished(flight.sample())
            self._close(flight)

    def _close(self, flight: Flight) -> None:
        del self._open[id(flight)]
        self._record(flight.sample())
