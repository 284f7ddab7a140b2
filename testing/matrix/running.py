"""Runs the cases of both matrices, or a seeded share of them."""

import logging
import random
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import TypeVar

from testing.faults.resp_proxy import RespProxy
from testing.faults.trips import Point
from testing.matrix import points, processes, services
from testing.matrix.processes import FINISHED_WITHIN_S, SETTINGS, Shop
from testing.matrix.processes import Outcome as ProcessOutcome
from testing.matrix.services import Outcome as ServiceOutcome
from testing.matrix.stack import MatrixStack
from testing.matrix.world import World
from testing.servers import running_valkey

C = TypeVar("C")
Outcome = ServiceOutcome | ProcessOutcome
#: Told of what came of a case, and how many there are to come.
Show = Callable[[ProcessOutcome, int], None]

#: More than there are cores: a world waits for its server about half of its time.
WORLDS_AT_ONCE = 4
#: A stack waits for time to pass most of its time; more of them make each other late.
STACKS_AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Drawn:
    """Which cases are run: one of `share`, by `seed`, of those that have `only` in their names."""

    share: int = 1
    seed: int = 0
    only: str = ""

    @property
    def is_all(self) -> bool:
        return self.share == 1 and not self.only

    def of(self, cases: Iterable[C]) -> list[C]:
        draw = random.Random(self.seed)
        drawn = [case for case in cases if draw.randrange(self.share) == 0]
        return [case for case in drawn if self.only in str(case)]


@dataclass
class Ran:
    """What came of the cases of one matrix, and what was seen of round trips."""

    #: By service; `services` for what ran in one process.
    points: dict[str, set[Point]] = field(default_factory=dict)
    services: list[ServiceOutcome] = field(default_factory=list)
    processes: list[ProcessOutcome] = field(default_factory=list)

    @property
    def outcomes(self) -> list[Outcome]:
        return [*self.services, *self.processes]

    @property
    def broken(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.violations]


@contextmanager
def a_world() -> Iterator[World]:
    """A world over a server of its own, without the lines that every fault logs."""
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            running_valkey() as server,
            RespProxy(server.port) as proxy,
            World(server, proxy) as world,
        ):
            # Clients that a fault has ended are closed when nobody holds them any more.
            warnings.simplefilter("ignore", ResourceWarning)
            yield world
    finally:
        logging.disable(logging.NOTSET)


def run_services(drawn: Drawn, *, jobs: int = WORLDS_AT_ONCE) -> Ran:
    """Several processes, each with a server of its own, share the cases."""
    if jobs == 1:
        return _joined([_part(drawn, 0, 1)])
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        parts = [pool.submit(_part, drawn, part, jobs) for part in range(jobs)]
        return _joined([part.result() for part in parts])


def run_processes(
    drawn: Drawn,
    show: Show = lambda _, __: None,
    *,
    jobs: int = STACKS_AT_ONCE,
    within_s: float = FINISHED_WITHIN_S,
) -> Ran:
    """Several stacks share the cases; one that a fault has broken is replaced."""
    ran = Ran()
    left = deque(drawn.of(processes.cases(_to_be_met(drawn))))

    def work() -> None:
        while left:
            with Shop(MatrixStack(SETTINGS)) as shop:
                for case in _taken_from(left):
                    # Its own draw, so that it is the same beside whatever others.
                    draw = random.Random(f"{drawn.seed} {case}")
                    outcome = processes.run(shop, case, draw, within_s=within_s)
                    ran.processes.append(outcome)
                    show(outcome, len(left))
                    if outcome.is_final:
                        break
                for service, seen in shop.points.items():
                    ran.points.setdefault(service, set()).update(seen)

    with ThreadPoolExecutor(jobs) as pool:
        try:
            for each in as_completed([pool.submit(work) for _ in range(jobs)]):
                each.result()
        except BaseException:
            # The others end with the case that they have in hand.
            left.clear()
            raise
    return ran


def _taken_from(left: deque[C]) -> Iterator[C]:
    """One after the other, beside others who take from it too."""
    with suppress(IndexError):
        while True:
            yield left.popleft()


def _to_be_met(drawn: Drawn) -> dict[str, set[Point]]:
    """What a stack is seen to ask.

    For a part it is what is known of it, so that a seed draws the same cases again.
    """
    known = {service: seen for service, seen in points.known().items() if service != "services"}
    if known and not drawn.is_all:
        return known
    with Shop(MatrixStack(SETTINGS)) as shop:
        return shop.points


def _part(drawn: Drawn, part: int, parts: int) -> Ran:
    with a_world() as world:
        looks = services.look_at_all(world)
        ran = Ran({"services": {point for passed in looks.values() for point in passed.points}})
        usual = services.usual_connections(looks)
        for name, passed in looks.items():
            # Where nothing fails nothing may be wrong, either.
            assert not passed.violations, (name, passed.violations)
        for case in drawn.of(services.cases(looks))[part::parts]:
            ran.services.append(services.run(world, case, looks, usual))
    return ran


def _joined(parts: Sequence[Ran]) -> Ran:
    seen = set[Point]().union(*(part.points["services"] for part in parts))
    return Ran({"services": seen}, [outcome for part in parts for outcome in part.services])
