"""What the page shows of a test, gathered as it goes on; free of Locust."""

import math
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from loadtest.history import Depth, Event, Outcome, Sample, Walked, clock_ahead_ms
from loadtest.schedule import Kind, Operation
from loadtest.users.live import BLOCKS_KEPT, DEPTHS_KEPT, SAMPLES_KEPT
from loadtest.verdict.gates import MAX_LAG_P99_MS
from loadtest.verdict.priority import BAR, MAIN_RATIO, judge_so_far
from loadtest.verdict.verdict import Verdict
from loadtest.web.timeline import WINDOW_S, Course, Floods, Ranks, bucket_s

#: At most that many points of a curve of depths.
DEPTH_POINTS = 300
#: Between two verdicts; and the share of the time that they may take, if that is longer.
VERDICT_EVERY_S = 2.0
VERDICT_SHARE = 0.08
#: The latest of each kind. The ratio is the probes'; orders are looked at for what became of them.
SAMPLES_JUDGED = {Operation.NOTIFICATION: SAMPLES_KEPT, Operation.ORDER: 300}
#: Enough to tell how far two clocks are apart.
CLOCK_SAMPLES = 100

Json = dict[str, Any]


class Gathered:
    """One test's."""

    def __init__(self, began_ms: float) -> None:
        self.began_ms = began_ms
        self._floods = Floods()
        self._waits = {operation: Course() for operation in Operation}
        self._lag = Course()
        self._outcomes = {operation: Counter[Outcome]() for operation in Operation}
        self._judged = dict[tuple[Operation, Kind], deque[Sample]]()
        self._depths = deque[Depth](maxlen=DEPTHS_KEPT)
        self._walked = deque[Walked](maxlen=BLOCKS_KEPT)
        #: The latest, which tell how far two clocks are apart.
        self._latest = deque[Sample](maxlen=CLOCK_SAMPLES)
        self._verdict: Verdict | None = None
        self._verdict_due_s = 0.0

    def add(self, events: Iterable[Event]) -> None:
        new = list[Sample]()
        for event in events:
            match event:
                case Sample():
                    new.append(event)
                case Depth():
                    self._depths.append(event)
                case Walked():
                    self._walked.append(event)
        self._latest.extend(new)
        ahead_ms = clock_ahead_ms(self._latest)
        for sample in new:
            self._add(sample, ahead_ms)

    def look(self, at_ms: float, *, is_flood: bool) -> None:
        """What the moment is; asked again and again."""
        self._floods.look(at_ms, is_flood=is_flood)
        for course in (*self._waits.values(), self._lag):
            course.forget_before(self._s(at_ms) - WINDOW_S)

    def state(self, at_ms: float, *, is_last: bool = False) -> Json:
        """JSON; times are seconds since the test's begin.

        `is_last` has it judged now, however long ago it was.
        """
        self._judge(is_last=is_last)
        now_s = self._s(at_ms)
        from_s = max(0.0, now_s - WINDOW_S)
        width_s = bucket_s(now_s - from_s)
        floods = self._floods.spans(self._walked, self.began_ms + from_s * 1000)
        last = self._depths[-1] if self._depths else None
        return {
            "now_s": round(now_s, 1),
            "from_s": round(from_s, 1),
            "floods": [[round(self._s(edge), 1) for edge in span] for span in floods],
            "depths": _depth_curve(
                [(self._s(depth.at_ms), depth) for depth in self._depths], from_s, now_s
            ),
            "waits": {
                operation.value: _curve(course.curve(width_s))
                for operation, course in self._waits.items()
            },
            "now": {
                "depths": None if last is None else {name: getattr(last, name) for name in _DEPTHS},
                "waits": {
                    operation.value: _ranks(course.latest(now_s))
                    for operation, course in self._waits.items()
                },
                "lag": _ranks(self._lag.latest(now_s)),
            },
            "lag": {"all": _ranks(self._lag.all()), "most_ms": MAX_LAG_P99_MS},
            "counts": {
                operation.value: {
                    outcome.value: counts[outcome]
                    for outcome in Outcome
                    if counts[outcome] or outcome is Outcome.DONE
                }
                for operation, counts in self._outcomes.items()
            },
            "verdict": None if self._verdict is None else as_json(self._verdict),
        }

    def _add(self, sample: Sample, ahead_ms: float) -> None:
        operation = sample.operation
        self._outcomes[operation][sample.outcome] += 1
        group = self._judged.setdefault(
            (operation, sample.kind), deque(maxlen=SAMPLES_JUDGED[operation])
        )
        group.append(sample)
        if sample.wait_ms is not None and sample.started_ms is not None:
            self._waits[operation].add(self._s(sample.started_ms - ahead_ms), sample.wait_ms)
        if sample.lag_ms is not None:
            self._lag.add(self._s(sample.intended_ms), sample.lag_ms)

    def _judge(self, *, is_last: bool) -> None:
        began_s = time.monotonic()
        samples = list(chain.from_iterable(self._judged.values()))
        if not samples or (began_s < self._verdict_due_s and not is_last):
            return
        self._verdict = judge_so_far(samples)
        took_s = time.monotonic() - began_s
        self._verdict_due_s = began_s + max(VERDICT_EVERY_S, took_s / VERDICT_SHARE)

    def _s(self, at_ms: float) -> float:
        return (at_ms - self.began_ms) / 1000


_DEPTHS = ("default", "priority", "open_orders", "open_notifications")


def as_json(verdict: Verdict) -> Json:
    """A verdict, and what its ratio is measured by; without the figures."""
    whole = verdict.as_json()
    ratio = verdict.ratios.get(MAIN_RATIO)
    return {
        "conclusion": whole["conclusion"],
        "reasons": whole["reasons"],
        "gates": whole["gates"],
        "ratio": None if ratio is None else whole["ratios"][MAIN_RATIO],
        "bar": BAR,
    }


def _ranks(ranks: Ranks | None) -> Json | None:
    if ranks is None:
        return None
    return {
        "count": ranks.count,
        "p50": _digits(ranks.p50_ms),
        "p95": _digits(ranks.p95_ms),
        "p99": _digits(ranks.p99_ms),
        "max": _digits(ranks.max_ms),
    }


def _curve(points: Sequence[tuple[float, Ranks]]) -> dict[str, list[float]]:
    return {
        "at_s": [at_s for at_s, _ in points],
        "p50": [_digits(ranks.p50_ms) for _, ranks in points],
        "p95": [_digits(ranks.p95_ms) for _, ranks in points],
        "p99": [_digits(ranks.p99_ms) for _, ranks in points],
    }


def _depth_curve(
    depths: Sequence[tuple[float, Depth]], from_s: float, now_s: float
) -> dict[str, list[float]]:
    """Of those at one place of the axis, the greatest."""
    width_s = max(0.5, (now_s - from_s) / DEPTH_POINTS)
    cells = dict[int, tuple[float, int, int]]()
    for at_s, depth in depths:
        if at_s < from_s:
            continue
        place = math.floor(at_s / width_s)
        _, default, priority = cells.get(place, (at_s, 0, 0))
        cells[place] = (at_s, max(default, depth.default), max(priority, depth.priority))
    found = list(cells.values())
    return {
        "at_s": [round(cell[0], 1) for cell in found],
        "default": [cell[1] for cell in found],
        "priority": [cell[2] for cell in found],
    }


def _digits(value_ms: float) -> float:
    return round(value_ms, 1 if value_ms < 100 else 0)
