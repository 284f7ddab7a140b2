"""Does `priority` stay fast while `default` drowns?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from loadtest.experiments.capacity import PROCESSES, preconditions
from loadtest.experiments.experiment import (
    NO_CHANGES,
    Changes,
    Intake,
    Plan,
    Profile,
    Setup,
    Topology,
    stacks,
)
from loadtest.history import Event
from loadtest.schedule import Arm, Rates, draw
from loadtest.verdict.priority import judge_priority
from loadtest.verdict.verdict import Verdict

#: Long enough for a worker on both queues to show what it costs, short enough for a backlog of
#: a block to be worked off in about as long as the block took.
ORDER_DELAY_MS = 80
NOTIFICATION_DELAY_MS = 20

PROFILES = {
    "quick": Profile(sets=2, control_sets=1, block_s=9.0, rates=Rates(25.0, 35.0)),
    "full": Profile(sets=5, control_sets=2, block_s=14.0, rates=Rates(25.0, 35.0)),
    #: For a topology that is broken on purpose: it has to fail by itself.
    "sabotage": Profile(sets=1, control_sets=0, block_s=9.0, rates=Rates(25.0, 35.0)),
}


@dataclass(frozen=True, slots=True)
class PriorityUnderFlood:
    """Idle and flood blocks, and the same on a shop whose notifications go to `default`."""

    name: str = "priority-under-flood"
    question: str = "do notifications start as soon under a flood of orders as on an idle shop?"
    needs_intake: bool = False
    needs_memory: bool = False
    default_profile: str = "quick"
    #: Of the main arm; the control is always a worker for each queue.
    main: Setup = field(default_factory=Setup)

    def plan(
        self,
        profile: str,
        seed: int,
        intake: Intake | None = None,  # noqa: ARG002
        changes: Changes = NO_CHANGES,
    ) -> Plan:
        chosen = PROFILES[profile].changed(changes)
        schedule = draw(
            seed,
            sets=chosen.sets,
            control_sets=chosen.control_sets,
            block_s=chosen.block_s,
            rates=chosen.rates,
        )
        shop = {
            **PROCESSES,
            "ORDER_DELAY_MS": str(ORDER_DELAY_MS),
            "NOTIFICATION_DELAY_MS": str(NOTIFICATION_DELAY_MS),
        }
        main = Setup({**shop, **self.main.environment}, self.main.topology)
        control = Setup({**shop, "NOTIFICATION_QUEUE": "default"})
        setups = {Arm.MAIN: main, Arm.CONTROL: control}
        return Plan(
            schedule=schedule,
            setups=setups,
            configuration={**chosen.as_json(), "stacks": stacks(setups)},
            preconditions=preconditions(main, chosen.rates, chosen.block_s),
        )

    def judge(self, plan: Plan, events: Sequence[Event]) -> Verdict:
        return judge_priority(
            plan.schedule, events, gates=plan.preconditions, seed=plan.schedule.seed
        )


#: The shop as it should not be: name -> what is broken, and the experiment on it.
SABOTAGES: Mapping[str, tuple[str, PriorityUnderFlood]] = {
    "control-routing": (
        "notifications are routed to `default`",
        PriorityUnderFlood(main=Setup({"NOTIFICATION_QUEUE": "default"})),
    ),
    "one-worker-for-both-queues": (
        "one worker reads both queues",
        PriorityUnderFlood(main=Setup({"ORDER_DELAY_MS": "200"}, Topology.SHARED)),
    ),
    "prefetch-with-long-orders": (
        "the same, and it fetches 16 messages ahead for each process",
        PriorityUnderFlood(
            main=Setup({"DEFAULT_PREFETCH": "16", "ORDER_DELAY_MS": "200"}, Topology.SHARED)
        ),
    ),
}
