"""What all scenarios have in common: one walker, whatever number of users is asked for."""

import gc
import time
from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import gevent
from locust import User, task
from locust.env import Environment
from locust.exception import StopUser

from loadtest.schedule import Arrival, Kind
from loadtest.users import ending, streams
from loadtest.users.flight import Place
from loadtest.users.live import LIVE
from loadtest.users.options import BadOption, Options
from loadtest.users.series import Series
from loadtest.users.traffic import CONNECTIONS, POOL_SIZE, Traffic
from loadtest.users.walker import Send
from loadtest.users.wire import BadUrl, Unanswered

#: What is accepted and not finished so long after the last arrival is given up.
FINISHED_WITHIN_S = 180.0


class Scenario(User):
    """Open arrivals, drawn from the seed; subclasses say which.

    One user walks them all: more users would be as many times the load.
    """

    abstract = True
    fixed_count = 1
    #: Unless an option says otherwise.
    orders_per_s: ClassVar[float] = 0.0
    probes_per_s: ClassVar[float] = 0.0
    pool_size: ClassVar[int] = POOL_SIZE

    _walking: ClassVar[set[str]] = set()

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.options = Options()

    @task
    def walk(self) -> None:
        name = type(self).__name__
        if name in self._walking or LIVE.problem is not None:
            raise StopUser
        self._walking.add(name)
        LIVE.scenarios.append(name)
        try:
            self.options = Options.of(self.environment.parsed_options)
            self._walk_on(name)
        except (BadOption, BadUrl, Unanswered) as error:
            ending.explain(str(error))
            LIVE.problem = str(error)
            self.environment.process_exit_code = ending.BROKEN
        finally:
            self._walking.discard(name)
        if not self._walking:
            gevent.spawn(ending.end, self.environment)
        raise StopUser

    @abstractmethod
    def arrivals(self, name: str) -> Iterator[Arrival]:
        """By time, without end; keys begin with `name`."""

    def kind_at(self, at_s: float) -> Kind:  # noqa: ARG002  # others' depends on it
        """What an arrival of that time counts as."""
        return LIVE.kind

    def sender(self, traffic: Traffic) -> Send | None:  # noqa: ARG002
        """What is done with a departure, unless it is just placed and followed."""
        return None

    def walk_with(self, traffic: Traffic, name: str, run_id: str) -> None:
        """Walk until the arrivals end, and wait for what they began."""
        arrivals = streams.until(self.options.duration_s, self.arrivals(name))
        place = {kind: Place(kind=kind) for kind in Kind}
        departures = (
            traffic.departure(place[self.kind_at(arrival.at_s)], arrival, run_id)
            for arrival in arrivals
        )
        traffic.walk(departures, traffic.clock.now_s(), self.sender(traffic))
        traffic.collect(FINISHED_WITHIN_S)

    def chosen_orders_per_s(self) -> float:
        chosen = self.options.orders_per_s
        return self.orders_per_s if chosen is None else chosen

    def chosen_probes_per_s(self) -> float:
        chosen = self.options.probes_per_s
        return self.probes_per_s if chosen is None else chosen

    def orders(self, name: str, rate_at: streams.RateAt, most_per_s: float) -> Iterator[Arrival]:
        items = self.options.items
        return streams.orders(name, rate_at, most_per_s=most_per_s, items=items)

    def probes(self, name: str, rate_at: streams.RateAt, most_per_s: float) -> Iterator[Arrival]:
        return streams.probes(name, rate_at, most_per_s=most_per_s)

    def constant(self, name: str) -> Iterator[Arrival]:
        """Orders and probes at the chosen rates."""
        orders_per_s, probes_per_s = self.chosen_orders_per_s(), self.chosen_probes_per_s()
        return streams.merged(
            self.orders(name, streams.constant(orders_per_s), orders_per_s),
            self.probes(name, streams.constant(probes_per_s), probes_per_s),
        )

    def _walk_on(self, name: str) -> None:
        traffic = Traffic(
            self.host or "",
            series=Series(self.environment.events.request),
            record=LIVE.add,
            api_key=self.options.api_key,
            is_live=True,
            pool_size=self.pool_size,
        )
        # Another test against the same shop draws the same keys.
        run_id = f"{time.time_ns() // 1_000_000:x}"
        try:
            traffic.sending.prepare(CONNECTIONS)
            gc.collect()
            gc.freeze()
            self.walk_with(traffic, f"{self.options.seed}-{name}", run_id)
        finally:
            traffic.stop()
