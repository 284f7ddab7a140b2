"""What an experiment consists of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from loadtest.history import Event
from loadtest.schedule import Arm, Rates, Schedule
from loadtest.verdict.load import BACKLOG
from loadtest.verdict.verdict import Gate, Verdict

#: ABBA or BAAB.
BLOCKS_OF_A_SET = 4
#: The first second of each is discarded.
MIN_BLOCK_S = 3.0


class Topology(StrEnum):
    """How workers and queues belong together."""

    #: As the shop is shipped: a worker for each queue.
    OWN = "a worker for each queue"
    #: What is being warned of.
    SHARED = "one worker for both queues"


@dataclass(frozen=True, slots=True)
class Setup:
    """How the stack of one arm is raised."""

    #: The shop's settings that differ from their defaults.
    environment: Mapping[str, str] = field(default_factory=dict)
    topology: Topology = Topology.OWN
    #: On `--stack local`: the generator has a core to itself, and the shop the others.
    cores_apart: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """One profile of an experiment, drawn."""

    schedule: Schedule
    setups: Mapping[Arm, Setup]
    #: What makes two runs comparable; goes into the manifest.
    configuration: Mapping[str, Any]
    #: Checked before anything is started: when one does not hold, the run is refused.
    preconditions: Sequence[Gate] = ()

    def without_control(self) -> "Plan":
        """For where there is no shop for it."""
        schedule = self.schedule
        return replace(
            self,
            schedule=Schedule(schedule.seed, schedule.of(Arm.MAIN)),
            setups={arm: setup for arm, setup in self.setups.items() if arm is not Arm.CONTROL},
        )

    def for_a_foreign_shop(self) -> "Plan":
        """Nobody here knows how many orders it does at once, and so how long it needs."""
        known = [gate for gate in self.preconditions if gate.name != BACKLOG]
        return replace(self, preconditions=known)


@dataclass(frozen=True, slots=True)
class Intake:
    """What was found out about the shop before the plan is drawn."""

    #: Orders a second that one API process accepts, at most.
    orders_per_s: float


class NotChangeable(ValueError):
    """The experiment cannot be run with other rates or another length; one line says why."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What somebody wants to be other than the profile has it; None leaves it."""

    probes_per_s: float | None = None
    orders_per_s: float | None = None
    #: Of all blocks together, without what it takes to raise shops and to drain them.
    duration_s: float | None = None

    def of(self, rates: Rates) -> Rates:
        return Rates(
            rates.probes_per_s if self.probes_per_s is None else self.probes_per_s,
            rates.orders_per_s if self.orders_per_s is None else self.orders_per_s,
        )


NO_CHANGES = Changes()


class Experiment(Protocol):
    """A question to the shop."""

    @property
    def name(self) -> str: ...

    @property
    def question(self) -> str:
        """One line, for the list of experiments."""

    @property
    def needs_intake(self) -> bool:
        """Whether `plan` has to know what the API can take."""

    @property
    def needs_memory(self) -> bool:
        """Whether the verdict is about what the shop's processes take."""

    @property
    def default_profile(self) -> str:
        """`quick`, but for what takes its time."""

    def plan(
        self,
        profile: str,
        seed: int,
        intake: Intake | None = None,
        changes: Changes = NO_CHANGES,
    ) -> Plan:
        """Raises `KeyError` for an unknown profile, `NotChangeable`."""

    def judge(self, plan: Plan, events: Sequence[Event]) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class Profile:
    """How long, and how much."""

    sets: int
    control_sets: int
    block_s: float
    rates: Rates

    def changed(self, changes: Changes) -> "Profile":
        """Raises `NotChangeable` for blocks that would be too short to say anything."""
        block_s = self.block_s
        if changes.duration_s is not None:
            blocks = BLOCKS_OF_A_SET * (self.sets + self.control_sets)
            block_s = round(changes.duration_s / blocks, 3)
            if not block_s >= MIN_BLOCK_S:
                raise NotChangeable(
                    f"{changes.duration_s:g} s make {blocks} blocks of {block_s:.1f} s: "
                    f"at least {blocks * MIN_BLOCK_S:g} s are needed"
                )
        return replace(self, block_s=block_s, rates=changes.of(self.rates))

    def as_json(self) -> dict[str, Any]:
        return {
            "sets": self.sets,
            "control_sets": self.control_sets,
            "block_s": self.block_s,
            "probes_per_s": self.rates.probes_per_s,
            "orders_per_s": self.rates.orders_per_s,
        }


def stacks(setups: Mapping[Arm, Setup]) -> dict[str, Any]:
    """For a plan's configuration; `Setup` can be made of it again."""
    return {
        arm.value: {
            "topology": setup.topology.value,
            "environment": dict(setup.environment),
            "cores_apart": setup.cores_apart,
        }
        for arm, setup in setups.items()
    }
