"""The services matrix: each operation, once for each of its round trips and each fault."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from testing.faults.refusals import TRIP_FAULTS, Kind
from testing.faults.trips import NAMELESS, Point
from testing.matrix.hurry import SOON_S, short_pauses, timeouts
from testing.matrix.invariants import finish, is_an_answer, is_foreseen, violations
from testing.matrix.operations import OPERATIONS, Operation, Step
from testing.matrix.world import Shop, Snapshot, World

#: Once healed. A machine that is busy may not answer at once within `SOON_S`.
ANSWERED_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Case:
    """One fault at one round trip of one operation."""

    #: By their names.
    operation: str
    fault: str
    point: Point
    #: Which one of the same kind it is, from 1.
    occurrence: int

    def __str__(self) -> str:
        return f"{self.operation}: {self.fault} at {self.point} ({self.occurrence})"


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

    #: Where it begins, and what is done then.
    begin: Snapshot
    steps: Sequence[Step]
    points: Counter[Point]
    #: Open connections in the end, by name.
    connections: Counter[str]
    violations: Sequence[str]


def look(world: World, operation: Operation) -> Passed:
    """Run it once without a fault."""
    world.reset()
    steps = operation.arrange(world)
    begin = world.snapshot()
    world.restore(begin)
    with world.shop(operation.mailer(), operation.settings) as shop:
        world.proxy.forget()
        failed = _attempt(shop, steps)
        points = Counter(world.proxy.points)
        found = [*map(_told, failed.values()), *_afterwards(world, shop)]
        return Passed(begin, steps, points, Counter(world.proxy.names), found)


def look_at_all(world: World) -> dict[str, Passed]:
    """Every operation, by its name."""
    return {name: look(world, operation) for name, operation in OPERATIONS.items()}


def cases(looks: Mapping[str, Passed]) -> Iterator[Case]:
    """Every round trip of every operation with every fault.

    How a connection is made does not depend on what for: that is spoilt in the first operation
    that makes one of its name.
    """
    greeted: set[tuple[Point, int]] = set()
    for operation, passed in looks.items():
        for point, times in sorted(passed.points.items()):
            for occurrence in range(1, times + 1):
                if is_greeting(point):
                    if (point, occurrence) in greeted:
                        continue
                    greeted.add((point, occurrence))
                for fault in TRIP_FAULTS.values():
                    if fault.applies_to(point.words):
                        yield Case(operation, fault.name, point, occurrence)


def usual_connections(looks: Mapping[str, Passed]) -> Counter[str]:
    """How many of each name are open after operations where nothing fails."""
    most: Counter[str] = Counter()
    for passed in looks.values():
        most |= passed.connections
    return most


def is_greeting(point: Point) -> bool:
    """Whether it belongs to the making of a connection."""
    return point.connection == NAMELESS or point.words[0] == b"CLIENT"


def run(world: World, case: Case, looks: Mapping[str, Passed], usual: Counter[str]) -> Outcome:
    """The operation with its fault, then healed: what failed is asked again, as anybody may.

    `usual` is how many connections of each name there may be in the end.
    """
    operation, fault = OPERATIONS[case.operation], TRIP_FAULTS[case.fault]
    passed = looks[case.operation]
    world.restore(passed.begin)
    steps = passed.steps
    threads = set(threading.enumerate())
    waits = timeouts(SOON_S) if fault.kind is Kind.HOLD else nullcontext()
    with short_pauses(), waits, world.shop(operation.mailer(), operation.settings) as shop:
        world.proxy.forget()
        with world.proxy.injecting(
            fault,
            lambda trip: trip.point == case.point and trip.occurrence == case.occurrence,
            times=1,
        ) as injection:
            failed = _attempt(shop, steps)
        if not injection.hits:
            return Outcome(case, False, ())
        found = [_told(error) for error in failed.values() if not is_foreseen(error)]
        deadline_s = time.monotonic() + ANSWERED_WITHIN_S
        while failed:
            failed = _attempt(shop, [step for step in steps if step in failed])
            if time.monotonic() > deadline_s:
                break
        found += [f"healed, {_told(error)}" for error in failed.values()]
        found += _afterwards(world, shop)
        if kept := Counter(world.proxy.names) - usual:
            found.append(f"connections are left: {dict(kept)}")
    if left := [each.name for each in threading.enumerate() if each not in threads]:
        found.append(f"threads are left: {left}")
    return Outcome(case, True, tuple(found))


def _attempt(shop: Shop, steps: Sequence[Step]) -> dict[Step, Exception]:
    """Do all of them; which ones raised what, domain errors aside."""
    failed: dict[Step, Exception] = {}
    for step in steps:
        try:
            step(shop)
        except Exception as error:
            if not is_an_answer(error):
                failed[step] = error
    return failed


def _told(error: Exception) -> str:
    return f"{type(error).__module__}.{type(error).__name__}: {error}"


def _afterwards(world: World, shop: Shop) -> list[str]:
    unfinished = finish(world, shop)
    return [*filter(None, [unfinished]), *violations(world)]
