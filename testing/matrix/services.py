"""The services matrix: each operation, once for each of its round trips and each fault."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from testing.faults.refusals import TripFault
from testing.faults.trips import Point
from testing.matrix.hurry import short_timeouts
from testing.matrix.invariants import finish, is_foreseen, violations
from testing.matrix.operations import Operation, Step
from testing.matrix.world import Shop, World


@dataclass(frozen=True, slots=True)
class Case:
    """One fault at one round trip of one operation."""

    operation: Operation
    point: Point
    #: Which one of the same kind it is, from 1.
    occurrence: int
    fault: TripFault

    def __str__(self) -> str:
        return f"{self.operation.name}: {self.fault.name} at {self.point} ({self.occurrence})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case."""

    case: Case
    #: It befell a round trip that there was; a fault that says nothing of such a command did not.
    took_hold: bool
    violations: Sequence[str]


@dataclass(frozen=True, slots=True)
class Passed:
    """What an operation does where nothing fails."""

    points: Counter[Point]
    #: Open connections in the end, by name.
    connections: Counter[str]
    violations: Sequence[str]


def look(world: World, operation: Operation) -> Passed:
    """Run it once without a fault."""
    world.reset()
    steps = operation.arrange(world)
    with world.shop(operation.mailer(), operation.settings) as shop:
        world.proxy.forget()
        found = [*_attempt(shop, steps, is_healed=True)]
        points = Counter(world.proxy.points)
        found += _afterwards(world, shop, steps)
        return Passed(points, Counter(world.proxy.names), found)


def cases(operation: Operation, passed: Passed, faults: Sequence[TripFault]) -> Iterator[Case]:
    for point, times in passed.points.items():
        for occurrence in range(1, times + 1):
            for fault in faults:
                yield Case(operation, point, occurrence, fault)


def run(world: World, case: Case, passed: Passed) -> Outcome:
    """The operation with its fault, then healed."""
    operation = case.operation
    world.reset()
    steps = operation.arrange(world)
    threads = set(threading.enumerate())
    with short_timeouts(), world.shop(operation.mailer(), operation.settings) as shop:
        world.proxy.forget()
        with world.proxy.injecting(
            case.fault,
            lambda trip: trip.point == case.point and trip.occurrence == case.occurrence,
            times=1,
        ) as injection:
            found = [*_attempt(shop, steps, is_healed=False)]
        if not injection.hits:
            return Outcome(case, False, ())
        found += _afterwards(world, shop, steps)
        kept = Counter(world.proxy.names) - passed.connections
        if kept:
            found.append(f"connections are left: {dict(kept)}")
    if left := [each.name for each in threading.enumerate() if each not in threads]:
        found.append(f"threads are left: {left}")
    return Outcome(case, True, tuple(found))


def _attempt(shop: Shop, steps: Sequence[Step], *, is_healed: bool) -> Iterator[str]:
    for step in steps:
        try:
            step(shop)
        except Exception as error:
            if not is_foreseen(error, is_healed=is_healed):
                when = "healed, " if is_healed else ""
                yield f"{when}{type(error).__module__}.{type(error).__name__}: {error}"


def _afterwards(world: World, shop: Shop, steps: Sequence[Step]) -> list[str]:
    """All of it again, as clients and brokers do who were told nothing; then all that is owed."""
    found = [*_attempt(shop, steps, is_healed=True)]
    if unfinished := finish(world, shop):
        found.append(unfinished)
    return [*found, *violations(world)]
