"""Whether a planned load can be served at all, and worked off; asked before a run begins."""

from dataclasses import dataclass

from loadtest.schedule import Rates
from loadtest.verdict.verdict import Gate

#: Of what `priority` can do; nearer to all of it, waits come from arrivals that chance to meet.
MAX_UTILISATION = 0.7
#: Of the time for a drain; an order costs more than the time that it is told to take.
MAX_OF_DRAIN = 0.5
BACKLOG = "the backlog can be worked off"


@dataclass(frozen=True, slots=True)
class Load:
    """What is offered, and what there is to serve it."""

    rates: Rates
    #: Service times: how long a task of each kind holds its slot. 0 is unknown for orders.
    notification_ms: float
    order_ms: float
    #: Tasks at once.
    priority_slots: int
    default_slots: int
    #: That the shop sends for each order, on `priority` too.
    notifications_per_order: float = 1.0

    @property
    def orders_done_per_s(self) -> float:
        """At most what is offered, and at most what `default` can do."""
        if self.order_ms <= 0:
            return self.rates.orders_per_s
        return min(self.rates.orders_per_s, self.default_slots * 1000 / self.order_ms)

    def drain_s(self, flood_s: float) -> float:
        """How long `default` needs, after a flood of `flood_s`, for the orders that wait then."""
        needed_s = flood_s * self.rates.orders_per_s * self.order_ms / 1000 / self.default_slots
        return max(0.0, needed_s - flood_s)

    @property
    def notifications_per_s(self) -> float:
        """On `priority`: the probes, and what the orders themselves send."""
        return self.rates.probes_per_s + self.orders_done_per_s * self.notifications_per_order

    @property
    def busy_slots(self) -> float:
        """Mean number of slots of `priority` that are in use (Little's law)."""
        return self.notifications_per_s * self.notification_ms / 1000


def check_load(load: Load) -> Gate:
    """Arrival rate x service time stays below what `priority` can do; the detail is the sum."""
    allowed = MAX_UTILISATION * load.priority_slots
    return Gate(
        "the load can be served",
        load.rates.probes_per_s > 0 and load.busy_slots <= allowed,
        f"{load.rates.probes_per_s:g} probes/s + {load.orders_done_per_s:g} orders/s x "
        f"{load.notifications_per_order:g} notifications = {load.notifications_per_s:g}/s, "
        f"x {load.notification_ms:g} ms = {load.busy_slots:.2f} of {load.priority_slots} slots "
        f"of priority; at most {allowed:.2f} ({MAX_UTILISATION:.0%})",
    )


def check_drain(load: Load, flood_s: float, within_s: float) -> Gate:
    """What a flood leaves can be worked off in time: else it would look as if it were lost."""
    allowed_s = MAX_OF_DRAIN * within_s
    return Gate(
        BACKLOG,
        load.drain_s(flood_s) <= allowed_s,
        f"{flood_s:g} s of {load.rates.orders_per_s:g} orders/s x {load.order_ms:g} ms, by "
        f"{load.default_slots} at once, leave {load.drain_s(flood_s):.0f} s of work; at most "
        f"{allowed_s:.0f} s",
    )
