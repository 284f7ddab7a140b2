"""What an experiment consists of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from loadtest.history import Event
from loadtest.schedule import Arm, Rates, Schedule
from loadtest.verdict.verdict import Gate, Verdict


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


@dataclass(frozen=True, slots=True)
class Intake:
    """What was found out about the shop before the plan is drawn."""

    #: Orders a second that one API process accepts, at most.
    orders_per_s: float


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
    def default_profile(self) -> str:
        """`quick`, but for what takes its time."""

    def plan(self, profile: str, seed: int, intake: Intake | None = None) -> Plan:
        """Raises `KeyError` for an unknown profile."""

    def judge(self, plan: Plan, events: Sequence[Event]) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class Profile:
    """How long, and how much."""

    sets: int
    control_sets: int
    block_s: float
    rates: Rates

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
