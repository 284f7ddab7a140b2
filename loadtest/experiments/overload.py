"""What happens when orders come at twice the rate that the API can take?"""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.experiments.capacity import preconditions
from loadtest.experiments.experiment import (
    NO_CHANGES,
    Changes,
    Intake,
    Plan,
    Profile,
    Setup,
    stacks,
)
from loadtest.history import Event
from loadtest.schedule import Arm, Rates, draw
from loadtest.verdict.overload import judge_overload
from loadtest.verdict.verdict import Verdict

#: What is offered is so many times what was accepted when clients waited for their answers.
TIMES = 2.0
PROBES_PER_S = 25.0
NOTIFICATION_DELAY_MS = 20

#: On shared cores an overloaded shop takes the generator's time, which then offers less and late.
SETUP = Setup({"NOTIFICATION_DELAY_MS": str(NOTIFICATION_DELAY_MS)}, cores_apart=True)

#: Sets, and a block's length in seconds.
PROFILES = {"quick": (2, 8.0), "full": (5, 12.0)}


@dataclass(frozen=True, slots=True)
class Overload:
    """Idle and overloaded blocks: orders are shed, and nothing that was accepted is lost."""

    name: str = "overload"
    question: str = (
        "are orders taken and shed, and notifications taken, at twice what the API can take?"
    )
    needs_intake: bool = True
    needs_memory: bool = False
    default_profile: str = "quick"

    def plan(
        self,
        profile: str,
        seed: int,
        intake: Intake | None = None,
        changes: Changes = NO_CHANGES,
    ) -> Plan:
        sets, block_s = PROFILES[profile]
        if intake is None and changes.orders_per_s is None:
            raise ValueError("how many orders the API takes has to be measured, or told")
        measured_per_s = intake.orders_per_s if intake is not None else 0.0
        rates = Rates(PROBES_PER_S, round(TIMES * measured_per_s))
        chosen = Profile(sets=sets, control_sets=0, block_s=block_s, rates=rates).changed(changes)
        setups = {Arm.MAIN: SETUP}
        return Plan(
            schedule=draw(
                seed,
                sets=chosen.sets,
                control_sets=chosen.control_sets,
                block_s=chosen.block_s,
                rates=chosen.rates,
            ),
            setups=setups,
            configuration={
                **chosen.as_json(),
                #: None where somebody said what is to be offered.
                "measured_intake_per_s": round(measured_per_s, 1) if intake else None,
                "stacks": stacks(setups),
            },
            preconditions=preconditions(SETUP, chosen.rates),
        )

    def judge(self, plan: Plan, events: Sequence[Event]) -> Verdict:
        return judge_overload(
            plan.schedule,
            events,
            capacity_per_s=plan.configuration["measured_intake_per_s"],
            gates=plan.preconditions,
            seed=plan.schedule.seed,
        )
