"""What happens when more orders are offered than the API can take?"""

from collections.abc import Iterable, Sequence

from loadtest.history import Event, Outcome, Sample
from loadtest.schedule import Arm, Kind, Operation, Schedule
from loadtest.verdict import gates as gate
from loadtest.verdict.bootstrap import RESAMPLES, observe, ratio_interval, same_kind_interval
from loadtest.verdict.concluding import conclude, times
from loadtest.verdict.figures import figures
from loadtest.verdict.record import COMPARED, Record
from loadtest.verdict.verdict import Gate, Interval, Verdict

#: What the overload may multiply the time by in which a probe is accepted.
OVERLOAD_BAR = 5.0
#: Of the idle time, in the ratio: at 50 ms an overloaded shop is quick, whatever the idle one was.
IDLE_FLOOR_MS = 50.0 / OVERLOAD_BAR
#: Orders taken under overload, of those that the API takes from clients that wait: to turn everyone
#: away is no answer.
MIN_GOODPUT = 0.8
#: Offered orders, at least, for each accepted one; less is no overload.
MIN_EXCESS = 1.1
#: The only answer by which the shop may refuse for want of room.
SHED_STATUS = 503

ACCEPT_RATIO = "p95 accept overload / idle"
SAME_KIND_RATIO = "A/A: p95 accept idle / idle"

_ACCEPTED = {Outcome.DONE, Outcome.UNFINISHED, Outcome.FAILED}


def judge_overload(
    schedule: Schedule,
    events: Iterable[Event],
    *,
    capacity_per_s: float | None = None,
    gates: Sequence[Gate] = (),
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Verdict:
    """The verdict of a run whose floods are overloads; of the main arm only.

    `capacity_per_s` is what the API takes from clients that wait, where that was measured.
    """
    record = Record.of(events)
    samples = record.samples
    accepts = {kind: observe(record.probes(Arm.MAIN, kind), accept_ms) for kind in COMPARED}
    found = {
        ACCEPT_RATIO: ratio_interval(
            accepts[Kind.FLOOD],
            accepts[Kind.IDLE],
            floor=IDLE_FLOOR_MS,
            seed=seed,
            resamples=resamples,
        ),
        SAME_KIND_RATIO: same_kind_interval(accepts[Kind.IDLE], seed=seed, resamples=resamples),
    }
    ratios = {name: ratio for name, ratio in found.items() if ratio is not None}
    enough = gate.enough(Arm.MAIN, {kind: len(values) for kind, values in accepts.items()})
    checked = [
        *gates,
        overloaded(schedule, samples),
        *([goodput(schedule, samples, capacity_per_s)] if capacity_per_s else []),
        shed_with_a_time(samples),
        probes_not_shed(samples),
        gate.in_time(samples),
        gate.nothing_dropped(samples),
        gate.accounted(schedule, samples),
        gate.answered(samples),
        enough,
        gate.like_itself(ratios.get(SAME_KIND_RATIO)),
        gate.drained(schedule, record.walked),
        gate.nothing_lost(samples),
    ]
    failures, doubts, confirmed = _weigh(ratios.get(ACCEPT_RATIO), is_enough=enough.holds)
    conclusion, reasons = conclude(checked, failures=failures, doubts=doubts, confirmed=confirmed)
    return Verdict(conclusion, reasons, checked, ratios, figures(record))


def overloaded(schedule: Schedule, samples: Iterable[Sample]) -> Gate:
    """More was offered than was taken, and the rest was shed."""
    floods = [block for block in schedule.blocks if block.kind is Kind.FLOOD]
    numbers = {block.number for block in floods}
    offered = sum(
        arrival.operation is Operation.ORDER for block in floods for arrival in block.arrivals
    )
    orders = [
        sample
        for sample in samples
        if sample.operation is Operation.ORDER and sample.block in numbers
    ]
    accepted = sum(sample.outcome in _ACCEPTED for sample in orders)
    shed = sum(sample.outcome is Outcome.SHED for sample in orders)
    return Gate(
        "the API was overloaded",
        shed > 0 and offered >= MIN_EXCESS * accepted,
        f"{offered} orders offered, {accepted} accepted, {shed} shed; "
        f"at least {MIN_EXCESS:g} offered for each accepted",
    )


def goodput(schedule: Schedule, samples: Iterable[Sample], capacity_per_s: float) -> Gate:
    """The API took nearly as many as it can; if not, that is the shop's failure."""
    floods = {
        block.number: block.duration_s for block in schedule.blocks if block.kind is Kind.FLOOD
    }
    accepted = sum(
        sample.operation is Operation.ORDER
        and sample.block in floods
        and sample.outcome in _ACCEPTED
        for sample in samples
    )
    taken_per_s = accepted / (sum(floods.values()) or 1.0)
    share = taken_per_s / capacity_per_s
    return Gate(
        "goodput",
        share >= MIN_GOODPUT,
        f"{taken_per_s:.0f} of {capacity_per_s:.0f} orders/s taken, {share:.2f}; "
        f"at least {MIN_GOODPUT:g}",
        is_failure=True,
    )


def shed_with_a_time(samples: Iterable[Sample]) -> Gate:
    """Who is refused learns when to come again; if not, that is the shop's failure."""
    shed = [sample for sample in samples if sample.outcome is Outcome.SHED]
    without = [
        sample.key
        for sample in shed
        if sample.http_status != SHED_STATUS
        or sample.retry_after_s is None
        or sample.retry_after_s < 0
    ]
    return Gate(
        "shed with 503 and Retry-After",
        not without,
        f"{len(without)} of {len(shed)} shed without it: {', '.join(without[:3])}"
        if without
        else f"all {len(shed)} that were shed",
        is_failure=True,
    )


def probes_not_shed(samples: Iterable[Sample]) -> Gate:
    """It is orders that are shed; a notification shed for them is the shop's failure."""
    shed = sum(
        sample.outcome is Outcome.SHED
        for sample in samples
        if sample.operation is Operation.NOTIFICATION
    )
    return Gate("no probe was shed", shed == 0, f"{shed} were; none may be", is_failure=True)


def accept_ms(sample: Sample) -> float | None:
    return sample.accept_ms


def _weigh(ratio: Interval | None, *, is_enough: bool) -> tuple[list[str], list[str], list[str]]:
    """What fails the run, what leaves it in doubt, and what speaks for it."""
    if ratio is None:
        return [], ["no set has probes of both idle and overload"], []
    seen = f"the overload multiplies the time to accept a probe by {times(ratio)}"
    if ratio.low > OVERLOAD_BAR and is_enough:
        return [f"{seen}: more than {OVERLOAD_BAR:g}"], [], []
    if ratio.high > OVERLOAD_BAR:
        return [], [f"{seen}: whether that is more than {OVERLOAD_BAR:g} is open"], []
    return [], [], [f"{seen}: at most {OVERLOAD_BAR:g}"]
