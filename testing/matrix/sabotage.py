"""Faults that were mended, put back on purpose: the matrix has to find each of them."""

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from testing.faults.refusals import TRIP_FAULTS
from testing.matrix import patches, processes, services
from testing.matrix.processes import SETTINGS, Connection, Extent, Shop
from testing.matrix.running import a_world
from testing.matrix.stack import MatrixStack
from testing.stack import WORKER_DEFAULT, WORKER_PRIORITY

#: What is late on a busy machine is not what is looked for here.
FINISHED_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Found:
    """What the matrix saw of a sabotage, and of the sound shop."""

    name: str
    violations: Sequence[str]
    control: Sequence[str]

    @property
    def is_found(self) -> bool:
        return bool(self.violations)

    @property
    def is_control_red(self) -> bool:
        return bool(self.control)

    @property
    def verdict(self) -> str:
        if self.is_control_red:
            return f"not green without sabotage: {'; '.join(self.control[:3])}"
        return "found" if self.is_found else "stayed green"


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One mended fault, and where the matrix has to find it again."""

    name: str
    #: One line, for the documents.
    breaks: str
    #: Runs the cases that meet it on a shop with a patch, or on a sound one; what is wrong.
    look: Callable[[bool], Sequence[str]]
    #: Needs no processes, and so seconds only.
    is_cheap: bool = False

    def attempt(self) -> Found:
        return Found(self.name, violations=self.look(True), control=self.look(False))


def _in_services(
    patch: Callable[[], AbstractContextManager[None]], fault: str, operation: str
) -> Callable[[bool], Sequence[str]]:
    """Every round trip of one operation with one fault."""

    def look(broken: bool) -> list[str]:
        with patch() if broken else nullcontext(), a_world() as world:
            passed = services.look_at_all(world)
            usual = services.usual_connections(passed)
            return [
                f"{case}: {violation}"
                for case in services.cases(passed)
                if (case.operation, case.fault) == (operation, fault)
                for violation in services.run(world, case, passed, usual).violations
            ]

    return look


def _in_processes(
    patch: str, service: str, connection: str, fault: str
) -> Callable[[bool], Sequence[str]]:
    """One connection with one fault, for ten seconds."""
    case = processes.Case(Connection(service, connection), TRIP_FAULTS[fault], Extent.PERIOD)

    def look(broken: bool) -> Sequence[str]:
        patched = {service: patch} if broken else {}
        with Shop(MatrixStack(SETTINGS, patched=patched)) as shop:
            return processes.run(
                shop, case, random.Random(0), within_s=FINISHED_WITHIN_S
            ).violations

    return look


_ALL = (
    Sabotage(
        "swallowed-readonly",
        "a worker takes the refusal of a read-only server for a reply",
        _in_services(patches.swallowed_readonly, "READONLY", "process"),
        is_cheap=True,
    ),
    Sabotage(
        "leaked-slot",
        "a request whose task found no store is never acknowledged",
        _in_processes(patches.LEAKED_SLOT, WORKER_PRIORITY, "shop-worker", "OOM"),
    ),
    Sabotage(
        "ends-on-oom",
        "a worker does not connect anew when its broker is full",
        _in_processes(patches.ENDS_ON_OOM, WORKER_DEFAULT, "shop-worker-default-broker", "OOM"),
    ),
)

SABOTAGES: Mapping[str, Sabotage] = {sabotage.name: sabotage for sabotage in _ALL}
