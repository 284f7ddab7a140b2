"""Does `priority` stay fast while `default` drowns?"""

from collections.abc import Iterable, Sequence

from loadtest.history import Event, Sample
from loadtest.schedule import Arm, Kind, Schedule
from loadtest.verdict import gates as gate
from loadtest.verdict.bootstrap import (
    RESAMPLES,
    Observations,
    observe,
    ratio_interval,
    same_kind_interval,
)
from loadtest.verdict.concluding import conclude, times
from loadtest.verdict.figures import figures
from loadtest.verdict.record import COMPARED, Record
from loadtest.verdict.verdict import Conclusion, Gate, Interval, Verdict

#: What the flood may multiply the probes' waits by.
BAR = 10.0
#: What it must multiply them by where the topology is wrong, or the lab could not tell.
CONTROL_BAR = 50.0
#: Fewer on either side, and a p99 says nothing.
MIN_SAMPLES_P99 = 2_000
#: While a run lasts its page asks again and again.
LIVE_RESAMPLES = 400

MAIN_RATIO = "p95 flood / idle"
MAIN_RATIO_P99 = "p99 flood / idle"
CONTROL_RATIO = "control: p95 flood / idle"
SAME_KIND_RATIO = "A/A: p95 idle / idle"


def judge_priority(
    schedule: Schedule,
    events: Iterable[Event],
    *,
    gates: Sequence[Gate] = (),
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Verdict:
    """The verdict of a run that has ended; `gates` are further ones, such as `check_load`'s.

    A lower bound above the bar is a FAIL whatever the other gates say, if the probes are enough.
    """
    record = Record.of(events)
    samples = record.samples
    waits = {
        (arm, kind): observe(record.probes(arm, kind), wait_ms) for arm in Arm for kind in COMPARED
    }
    ratios = _ratios(waits, seed, resamples)
    checked = [
        *gates,
        gate.flooded(schedule, record.depths, record.walked),
        gate.in_time(samples),
        gate.nothing_dropped(samples),
        gate.accounted(schedule, samples),
        gate.answered(samples),
        gate.delivered_once(samples),
        *(gate.enough(arm, {kind: len(waits[arm, kind]) for kind in COMPARED}) for arm in Arm),
        gate.like_itself(ratios.get(SAME_KIND_RATIO)),
        gate.drained(schedule, record.walked),
        gate.nothing_lost(samples),
    ]
    conclusion, reasons = decide(ratios.get(MAIN_RATIO), ratios.get(CONTROL_RATIO), checked)
    if len({block.set_number for block in schedule.of(Arm.MAIN)}) == 1:
        reasons.append("one set only: the interval does not know how sets differ")
    return Verdict(conclusion, reasons, checked, ratios, figures(record))


def judge_so_far(events: Iterable[Event], *, seed: int = 0) -> Verdict:
    """What the blocks until now say, for a page that is looked at while a run lasts.

    Gates that need the whole run are left out, and PASS has to wait for the control.
    """
    record = Record.of(events)
    waits = {
        (arm, kind): observe(record.probes(arm, kind), wait_ms) for arm in Arm for kind in COMPARED
    }
    ratios = _ratios(waits, seed, LIVE_RESAMPLES)
    checked = [
        gate.in_time(record.samples),
        gate.nothing_dropped(record.samples),
        gate.answered(record.samples),
        gate.delivered_once(record.samples),
        gate.enough(Arm.MAIN, {kind: len(waits[Arm.MAIN, kind]) for kind in COMPARED}),
        gate.nothing_lost(record.samples),
    ]
    conclusion, reasons = decide(ratios.get(MAIN_RATIO), ratios.get(CONTROL_RATIO), checked)
    return Verdict(
        conclusion,
        [f"so far: {reason}" for reason in reasons],
        checked,
        ratios,
        figures(record),
    )


def decide(
    main: Interval | None, control: Interval | None, gates: Sequence[Gate]
) -> tuple[Conclusion, list[str]]:
    """PASS, FAIL or INCONCLUSIVE, and a line for each reason, the gravest first."""
    failures, doubts = list[str](), list[str]()
    confirmed = list[str]()
    if main is None:
        doubts.append("no set has probes of both idle and flood")
    else:
        seen = f"the flood multiplies waits by {times(main)}"
        if main.low > BAR and _are_enough(gates):
            failures.append(f"{seen}: more than {BAR:g}")
        elif main.high > BAR:
            doubts.append(f"{seen}: whether that is more than {BAR:g} is open")
        confirmed.append(f"{seen}: at most {BAR:g}")
    if control is None:
        doubts.append("the control has no ratio")
    else:
        seen = f"where the topology is wrong, the flood multiplies waits by {times(control)}"
        if control.low < CONTROL_BAR:
            doubts.append(f"{seen}: not surely {CONTROL_BAR:g}, so good and bad lie too close")
        confirmed.append(f"{seen}: at least {CONTROL_BAR:g}")
    return conclude(gates, failures=failures, doubts=doubts, confirmed=confirmed)


def _are_enough(gates: Sequence[Gate]) -> bool:
    """Otherwise the interval itself is worth nothing."""
    return all(one.holds for one in gates if one.name == gate.enough_name(Arm.MAIN))


def wait_ms(sample: Sample) -> float | None:
    return sample.wait_ms


def _ratios(
    waits: dict[tuple[Arm, Kind], Observations], seed: int, resamples: int
) -> dict[str, Interval]:
    """Those that there are samples for."""
    flood, idle = waits[Arm.MAIN, Kind.FLOOD], waits[Arm.MAIN, Kind.IDLE]
    found = {
        MAIN_RATIO: ratio_interval(flood, idle, seed=seed, resamples=resamples),
        CONTROL_RATIO: ratio_interval(
            waits[Arm.CONTROL, Kind.FLOOD],
            waits[Arm.CONTROL, Kind.IDLE],
            seed=seed,
            resamples=resamples,
        ),
        SAME_KIND_RATIO: same_kind_interval(idle, seed=seed, resamples=resamples),
    }
    if min(len(flood), len(idle)) >= MIN_SAMPLES_P99:
        found[MAIN_RATIO_P99] = ratio_interval(
            flood, idle, share=0.99, seed=seed, resamples=resamples
        )
    return {name: ratio for name, ratio in found.items() if ratio is not None}
