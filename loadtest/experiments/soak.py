"""Does anything grow, or slow down, with time?"""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.experiments.capacity import preconditions
from loadtest.experiments.experiment import NO_CHANGES, Changes, Intake, Plan, Setup, stacks
from loadtest.history import Event
from loadtest.schedule import Arm, Rates, draw_steady
from loadtest.verdict.soak import judge_soak
from loadtest.verdict.verdict import Verdict

BLOCK_S = 30.0
#: Well below what two cores can do: what is sought is growth, not load.
RATES = Rates(probes_per_s=5.0, orders_per_s=8.0)
#: Blocks; fewer would be too short to tell growth from a start.
PROFILES = {"quick": 56, "full": 120}


@dataclass(frozen=True, slots=True)
class Soak:
    """A steady load for an hour, and the memory of every process meanwhile."""

    name: str = "soak"
    question: str = "does memory, the backlog or a wait grow under an hour of steady load?"
    needs_intake: bool = False
    needs_memory: bool = True
    default_profile: str = "full"

    def plan(
        self,
        profile: str,
        seed: int,
        intake: Intake | None = None,  # noqa: ARG002
        changes: Changes = NO_CHANGES,
    ) -> Plan:
        blocks = PROFILES[profile]
        if changes.duration_s is not None:
            blocks = max(1, round(changes.duration_s / BLOCK_S))
        rates = changes.of(RATES)
        setup = Setup({"NOTIFICATION_DELAY_MS": "20"})
        setups = {Arm.MAIN: setup}
        return Plan(
            schedule=draw_steady(seed, blocks=blocks, block_s=BLOCK_S, rates=rates),
            setups=setups,
            configuration={
                "blocks": blocks,
                "block_s": BLOCK_S,
                "probes_per_s": rates.probes_per_s,
                "orders_per_s": rates.orders_per_s,
                "stacks": stacks(setups),
            },
            preconditions=preconditions(setup, rates, BLOCK_S),
        )

    def judge(self, plan: Plan, events: Sequence[Event]) -> Verdict:
        return judge_soak(plan.schedule, events, gates=plan.preconditions, seed=plan.schedule.seed)
