"""Does the answer depend on how long orders take, or on how many a worker fetches ahead?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loadtest.experiments.capacity import DEFAULT_PROCESSES, PROCESSES, TASK_MS, preconditions
from loadtest.experiments.experiment import Plan, Profile, Setup, Topology, stacks
from loadtest.history import Event
from loadtest.schedule import Arm, Rates, draw
from loadtest.verdict.priority import BAR, MAIN_RATIO, judge_priority
from loadtest.verdict.verdict import Conclusion, Gate, Interval, Verdict

NAME = "service-time-sweep"
QUESTION = "does `priority` stay fast whatever orders take, and however many are fetched ahead?"
NOTIFICATION_DELAY_MS = 20
PROBES_PER_S = 25.0
#: Offered above what two processes can do, so that a backlog grows whatever an order takes; were a
#: task free of cost but for its simulated time, too.
OVERLOAD = 1.6


@dataclass(frozen=True, slots=True)
class Cell:
    """One point of the grid."""

    order_delay_ms: int
    prefetch: int
    topology: Topology

    @property
    def name(self) -> str:
        both = "" if self.topology is Topology.OWN else "-both-queues"
        return f"{self.order_delay_ms}ms-prefetch{self.prefetch}{both}"

    @property
    def label(self) -> str:
        both = "" if self.topology is Topology.OWN else ", one worker for both"
        return f"{self.order_delay_ms} ms, prefetch {self.prefetch}{both}"


#: Seconds of a block, and the cells: each topology's own worker first, then what it is set against.
PROFILES: Mapping[str, tuple[float, Sequence[Cell]]] = {
    "quick": (
        7.0,
        [
            Cell(20, 1, Topology.OWN),
            Cell(200, 4, Topology.OWN),
            Cell(200, 4, Topology.SHARED),
        ],
    ),
    "full": (
        12.0,
        [
            Cell(delay_ms, prefetch, topology)
            for topology in Topology
            for delay_ms in (20, 80, 200)
            for prefetch in (1, 4, 16)
        ],
    ),
}


@dataclass(frozen=True, slots=True)
class SweepCell:
    """One set of blocks on one shop, without a control: the sweep is a comparison by itself."""

    cell: Cell
    block_s: float
    name: str = NAME
    question: str = QUESTION
    needs_intake: bool = False
    needs_memory: bool = False
    default_profile: str = "quick"

    def plan(
        self, _profile: str, seed: int, _intake: object = None, _changes: object = None
    ) -> Plan:
        per_order_ms = self.cell.order_delay_ms + TASK_MS
        rates = Rates(PROBES_PER_S, round(OVERLOAD * DEFAULT_PROCESSES * 1_000 / per_order_ms))
        chosen = Profile(sets=1, control_sets=0, block_s=self.block_s, rates=rates)
        environment = {
            **PROCESSES,
            "ORDER_DELAY_MS": str(self.cell.order_delay_ms),
            "DEFAULT_PREFETCH": str(self.cell.prefetch),
            "NOTIFICATION_DELAY_MS": str(NOTIFICATION_DELAY_MS),
        }
        setup = Setup(environment, self.cell.topology)
        setups = {Arm.MAIN: setup}
        return Plan(
            schedule=draw(seed, sets=1, control_sets=0, block_s=self.block_s, rates=rates),
            setups=setups,
            configuration={**chosen.as_json(), "cell": self.cell.name, "stacks": stacks(setups)},
            preconditions=preconditions(setup, rates, self.block_s),
        )

    def judge(self, plan: Plan, events: Sequence[Event]) -> Verdict:
        verdict = judge_priority(plan.schedule, events, seed=plan.schedule.seed)
        # What concerns a control, which there is none of.
        gates = [gate for gate in verdict.gates if "control" not in gate.name]
        ratio = verdict.ratios.get(MAIN_RATIO)
        conclusion, reasons = judge_cell(ratio, gates)
        return Verdict(conclusion, reasons, gates, verdict.ratios, verdict.figures)


def judge_cell(ratio: Interval | None, gates: Sequence[Gate]) -> tuple[Conclusion, Sequence[str]]:
    """FAIL says that the topology is bad, which for a worker on both queues is what is expected."""
    broken = [f"{gate.name}: {gate.detail}" for gate in gates if not gate.holds]
    if any(gate.is_failure for gate in gates if not gate.holds):
        return Conclusion.FAIL, broken
    if ratio is None:
        return Conclusion.INCONCLUSIVE, ["there is no ratio", *broken]
    seen = f"the flood multiplies waits by {ratio.point:.1f} ({ratio.low:.1f} to {ratio.high:.1f})"
    if ratio.low > BAR:
        return Conclusion.FAIL, [seen, *broken]
    if broken or ratio.high > BAR:
        return Conclusion.INCONCLUSIVE, [seen, *broken]
    return Conclusion.PASS, [seen]


def judge_sweep(cells: Mapping[Cell, Verdict]) -> Verdict:
    """Of all cells: the shop's own topology has to pass in each, and the other to fail in one."""
    own = {cell: v for cell, v in cells.items() if cell.topology is Topology.OWN}
    shared = {cell: v for cell, v in cells.items() if cell.topology is Topology.SHARED}
    gates = [
        Gate(f"{cell.label}: {gate.name}", gate.holds, gate.detail, gate.is_failure)
        for cell, verdict in own.items()
        for gate in verdict.gates
        if not gate.holds
    ]
    caught = [cell.label for cell, v in shared.items() if v.conclusion is Conclusion.FAIL]
    gates.append(
        Gate(
            "the sweep can tell a bad topology",
            bool(caught),
            f"one worker for both queues fails at: {'; '.join(caught) or 'none'}",
        )
    )
    reasons = [f"{cell.label}: {v.conclusion.name}, {v.reasons[0]}" for cell, v in cells.items()]
    conclusions = [verdict.conclusion for verdict in own.values()]
    if Conclusion.FAIL in conclusions:
        conclusion = Conclusion.FAIL
    elif caught and all(each is Conclusion.PASS for each in conclusions):
        conclusion = Conclusion.PASS
    else:
        conclusion = Conclusion.INCONCLUSIVE
    ratios = {
        cell.label: verdict.ratios[MAIN_RATIO]
        for cell, verdict in cells.items()
        if MAIN_RATIO in verdict.ratios
    }
    return Verdict(conclusion, reasons, gates, ratios)
