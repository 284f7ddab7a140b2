"""The processes matrix: each connection of each process, each fault, once and for ten seconds."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from testing.faults.fault import FaultDidNotTakeHold
from testing.faults.refusals import TRIP_FAULTS, Kind, TripFault
from testing.faults.round_trips import RoundTripsFail
from testing.faults.trips import NAMELESS, Point, Trip
from testing.matrix import aftermath
from testing.matrix.aftermath import Steady
from testing.matrix.stack import MatrixStack
from testing.matrix.traffic import SKU, Traffic
from testing.stack import START_WITHIN_S
from testing.waiting import TimedOut, wait_for

PERIOD_S = 10.0
#: Longer than any of the shop's processes waits for a reply.
HELD_S = 7.0
#: What was promised; what takes longer is late, and what takes so many times as long, never.
FINISHED_WITHIN_S = 5.0
NEVER = 8
WARM_UP_S = 6.0
CROWD = 40
#: Of one connection, while there is light traffic: one of its first so many trips is spoilt.
AMONG_FIRST = 8
STOCK = 10_000_000
READONLY = "READONLY"
SETTINGS = {"NOTIFICATION_DELAY_MS": "100", "PRIORITY_CONCURRENCY": "8", "DEFAULT_CONCURRENCY": "2"}


class Extent(StrEnum):
    """How much of a connection's round trips fail."""

    ONCE = "once"
    PERIOD = "for 10 s"


@dataclass(frozen=True, slots=True)
class Connection:
    """One of a process, by the name that it gives itself."""

    service: str
    name: str

    def __str__(self) -> str:
        return f"{self.service} {self.name}"


@dataclass(frozen=True, slots=True)
class Case:
    """One fault of one connection."""

    connection: Connection
    fault: TripFault
    extent: Extent

    def stays(self, stack: MatrixStack) -> bool:
        """A failover that keeps its connections: those that there are lead to a replica for good.

        Whoever connects anew finds the new master.
        """
        is_open = stack.connections()[str(self.connection)] > 0
        is_named = self.connection.name != NAMELESS
        return is_open and is_named and self.fault.name == READONLY and self.extent is Extent.PERIOD

    def __str__(self) -> str:
        return f"{self.connection}: {self.fault.name}, {self.extent}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case."""

    case: Case
    hits: int
    #: How long after healing nothing was owed any more; None is never.
    finished_s: float | None
    violations: Sequence[str]
    #: The stack is of no use any more: what is found on it next would be blamed on another.
    is_final: bool = False


@dataclass
class Shop:
    """A running stack, warmed up: every connection has been used."""

    stack: MatrixStack
    before: Steady = field(init=False)

    def __enter__(self) -> Self:
        self.stack.__enter__()
        try:
            self.stack.redis().mset({f"stock:{SKU}": STOCK, f"price:{SKU}": 1_990})
            with Traffic(self.stack) as traffic:
                time.sleep(WARM_UP_S)
                traffic.end()
                # So many at once that each thread of the pool has had one.
                for _ in range(CROWD):
                    traffic.notify()
                traffic.lose_message()
                wait_for(
                    "the first orders are finished",
                    lambda: not aftermath.unfinished(self.stack, traffic),
                    within_s=START_WITHIN_S,
                    explain=self.stack.describe,
                )
            self.before = aftermath.steady(self.stack)
        except BaseException:
            self.stack.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.__exit__(None, None, None)

    @property
    def points(self) -> dict[str, set[Point]]:
        """What each service has asked Redis so far."""
        return {service: set(proxy.points) for service, proxy in self.stack.proxies.items()}


def cases(points: Mapping[str, set[Point]]) -> Iterator[Case]:
    """Every connection with every fault that can befall it, once and for a time."""
    for service, seen in points.items():
        for name in sorted({point.connection for point in seen}):
            words = [point.words for point in seen if point.connection == name]
            for fault in TRIP_FAULTS.values():
                if any(map(fault.applies_to, words)):
                    for extent in Extent:
                        yield Case(Connection(service, name), fault, extent)


def run(
    shop: Shop, case: Case, draw: random.Random, *, within_s: float = FINISHED_WITHIN_S
) -> Outcome:
    """The fault in the midst of traffic, then healed; what is finished after `within_s` is late."""
    stack, fault, stays = shop.stack, None, case.stays(shop.stack)
    before = aftermath.steady(stack)
    with Traffic(stack) as traffic:
        found: list[str] = []
        finished = None
        try:
            with _fault(stack, traffic, case, before, draw, stays=stays) as fault:
                time.sleep(_lasts_s(case))
                if stays:
                    finished = _finish(stack, traffic, before, within_s)
        except FaultDidNotTakeHold as error:
            found.append(f"the fault did not take hold: {error}")
        finished_s, owed = finished or _finish(stack, traffic, before, within_s)
        found += [f"still {what}" for what in owed[:5]]
        found += traffic.wrong[:5]
        if finished_s is not None:
            found += _until_none(lambda: list(aftermath.disagreements(stack, traffic)))
            found += aftermath.doubled(stack, before, traffic.accepted)
            found += _until_none(aftermath.Messages(stack).left)
            found += _until_none(lambda: aftermath.in_hand(stack))
            found += _until_none(lambda: aftermath.left_behind(stack, shop.before))
        gone = list(aftermath.ended(stack, before))
    hits = 0 if fault is None else fault.hits
    is_final = finished_s is None or bool(gone)
    return Outcome(case, hits, finished_s, (*found, *gone), is_final)


def _fault(
    stack: MatrixStack,
    traffic: Traffic,
    case: Case,
    before: Steady,
    draw: random.Random,
    *,
    stays: bool,
) -> RoundTripsFail:
    proxy, name = stack.proxies[case.connection.service], case.connection.name
    newest: int | None = None
    to_pass = draw.randrange(AMONG_FIRST) if case.extent is Extent.ONCE else 0

    def select(trip: Trip) -> bool:
        nonlocal to_pass, newest
        if trip.point.connection != name or not case.fault.applies_to(trip.point.words):
            return False
        if stays:
            # The failover comes with the first of them that is used.
            newest = proxy.newest if newest is None else newest
            if trip.link > newest:
                return False
        to_pass -= 1
        return to_pass < 0

    def lose_message() -> None:
        # What the sweep sends goes over a connection of its own.
        nonlocal to_pass
        to_pass = 0
        traffic.lose_message()

    def cut_all() -> None:
        nonlocal to_pass
        to_pass = 0
        proxy.cut()

    def start_again() -> None:
        # Some are made at a start only; and what starts while Redis refuses has to wait, too.
        stack.service(case.connection.service).restart()
        service = case.connection.service
        before.pids[service] = stack.main_pids()[service]

    times = 1 if case.extent is Extent.ONCE else None
    # A connection has no name while it is made.
    steps = (lose_message,) if stays else (lose_message, cut_all, start_again)
    return RoundTripsFail(proxy, case.fault, select, times=times, provocations=steps)


def _lasts_s(case: Case) -> float:
    if case.extent is Extent.PERIOD:
        return PERIOD_S
    return HELD_S if case.fault.kind is Kind.HOLD else 0.0


def _finish(
    stack: MatrixStack, traffic: Traffic, before: Steady, within_s: float
) -> tuple[float | None, list[str]]:
    """How long it took until nothing was owed, and what was when it should not have been."""
    healed_s = time.monotonic()
    traffic.end()
    late: list[str] = []
    while owed := aftermath.unfinished(stack, traffic):
        took_s = time.monotonic() - healed_s
        if took_s > within_s and not late:
            late = [f"{what} {took_s:.1f} s after healing" for what in owed]
        if took_s > NEVER * within_s or any(aftermath.ended(stack, before)):
            return None, [f"{what} {took_s:.0f} s after healing" for what in owed]
        time.sleep(0.1)
    return time.monotonic() - healed_s, late


def _until_none(look: Callable[[], list[str]]) -> list[str]:
    """What is there still after a while."""
    with suppress(TimedOut):
        wait_for("nothing is left", lambda: not look(), within_s=FINISHED_WITHIN_S)
        return []
    return look()
