"""Scenarios to look at: pick one on Locust's page, or name it on its command line."""

from collections.abc import Iterator
from itertools import count

from loadtest.history import Walked
from loadtest.schedule import Arrival, Kind, Operation
from loadtest.users import streams
from loadtest.users.flight import Place
from loadtest.users.live import LIVE
from loadtest.users.scenario import FINISHED_WITHIN_S, Scenario
from loadtest.users.shopping import Shopping
from loadtest.users.traffic import CONNECTIONS, Traffic
from loadtest.users.walker import Send, sleep_until

#: A spike: at the end of each half minute, five seconds of ten times as much.
EVERY_S, FOR_S, FACTOR = 30.0, 5.0, 10.0
BLOCK_S = 15.0


class OrderFlood(Scenario):
    """Orders, faster than two processes can prepare them."""

    orders_per_s = 60.0

    def arrivals(self, name: str) -> Iterator[Arrival]:
        most_per_s = self.chosen_orders_per_s()
        return self.orders(name, streams.constant(most_per_s), most_per_s)

    def walk_with(self, traffic: Traffic, name: str, run_id: str) -> None:
        # Probes that another scenario sends meanwhile are sent under a flood.
        LIVE.kind = Kind.FLOOD
        try:
            super().walk_with(traffic, name, run_id)
        finally:
            LIVE.kind = Kind.IDLE


class NotificationProbes(Scenario):
    """Notifications only: how long `priority` takes with nothing else to do."""

    probes_per_s = 25.0

    def arrivals(self, name: str) -> Iterator[Arrival]:
        most_per_s = self.chosen_probes_per_s()
        return self.probes(name, streams.constant(most_per_s), most_per_s)


class MixedShopper(Scenario):
    """Shoppers: each orders, looks until the order is done, and fetches the invoice."""

    orders_per_s = 2.0
    pool_size = 1_000

    def arrivals(self, name: str) -> Iterator[Arrival]:
        most_per_s = self.chosen_orders_per_s()
        return self.orders(name, streams.constant(most_per_s), most_per_s)

    def sender(self, traffic: Traffic) -> Send:
        return Shopping(traffic, self.environment.events.request)


class Spike(Scenario):
    """Orders and probes at a steady rate, with bursts of ten times as many orders."""

    orders_per_s = 5.0
    probes_per_s = 5.0

    def arrivals(self, name: str) -> Iterator[Arrival]:
        base_per_s, probes_per_s = self.chosen_orders_per_s(), self.chosen_probes_per_s()
        rate_at = streams.bursts(base_per_s, factor=FACTOR, every_s=EVERY_S, for_s=FOR_S)
        return streams.merged(
            self.orders(name, rate_at, base_per_s * FACTOR),
            self.probes(name, streams.constant(probes_per_s), probes_per_s),
        )

    def kind_at(self, at_s: float) -> Kind:
        is_burst = streams.is_burst(at_s, every_s=EVERY_S, for_s=FOR_S)
        LIVE.kind = Kind.FLOOD if is_burst else Kind.IDLE
        return LIVE.kind


class Soak(Scenario):
    """A little of everything, for hours."""

    orders_per_s = 2.0
    probes_per_s = 2.0

    def arrivals(self, name: str) -> Iterator[Arrival]:
        return self.constant(name)


class PriorityUnderFlood(Scenario):
    """Probes in blocks without and with a flood of orders; the shop is empty between them."""

    orders_per_s = 60.0
    probes_per_s = 25.0

    def arrivals(self, name: str) -> Iterator[Arrival]:
        return self.constant(name)

    def walk_with(self, traffic: Traffic, name: str, run_id: str) -> None:
        began_s = traffic.clock.now_s()
        traffic.depths.wait_empty(FINISHED_WITHIN_S)
        for number in count():
            duration_s = self.options.duration_s
            if duration_s is not None and traffic.clock.now_s() - began_s >= duration_s:
                return
            block_s = min(BLOCK_S, duration_s or BLOCK_S)
            self._walk_block(traffic, f"{name}-{number}", _place(number), block_s, run_id)

    def _walk_block(
        self, traffic: Traffic, name: str, place: Place, block_s: float, run_id: str
    ) -> None:
        LIVE.kind = place.kind
        departures = (
            traffic.departure(place, arrival, run_id)
            for arrival in streams.until(block_s, self.arrivals(name))
            if place.kind is Kind.FLOOD or arrival.operation is Operation.NOTIFICATION
        )
        traffic.sending.prepare(CONNECTIONS)
        traffic.clock.anchor()
        block_began_s = traffic.clock.now_s()
        traffic.walk(departures, block_began_s)
        sleep_until(block_began_s + block_s)
        LIVE.kind = Kind.IDLE
        is_done = traffic.collect(FINISHED_WITHIN_S)
        drained_ms = traffic.depths.wait_empty(FINISHED_WITHIN_S) if is_done else None
        LIVE.add(
            Walked(
                arm=place.arm,
                block=place.block,
                set_number=place.set_number,
                kind=place.kind,
                began_ms=traffic.clock.at_ms(block_began_s),
                ended_ms=traffic.clock.at_ms(block_began_s + block_s),
                drained_ms=drained_ms,
            )
        )


def _place(block: int) -> Place:
    """Sets of four, ABBA and BAAB by turns, as an experiment walks them."""
    set_number, place = divmod(block, 4)
    is_flood = (place in (1, 2)) == (set_number % 2 == 0)
    kind = Kind.FLOOD if is_flood else Kind.IDLE
    return Place(block=block, set_number=set_number, kind=kind)
