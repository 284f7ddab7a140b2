"""The course of a test: what passed in its last minutes, in buckets of a few seconds."""

import math
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from loadtest.history import Walked
from loadtest.schedule import Kind
from loadtest.users.live import nearest_rank

#: What a page shows; everything older is forgotten.
WINDOW_S = 600.0
#: Seconds that one point of a curve stands for, in a young test and in an old one.
BUCKETS_S = (2, 4)
#: A test is young while its curve has no more points than this.
MAX_POINTS = 150
#: What "now" means: long enough for a hundred probes.
NOW_S = 10
FLOODS_KEPT = 200


@dataclass(frozen=True, slots=True)
class Ranks:
    """Percentiles of so many values, milliseconds."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Ranks | None":
        """None of nothing."""
        ordered = sorted(values)
        if not ordered:
            return None
        return cls(
            len(ordered),
            nearest_rank(ordered, 0.50),
            nearest_rank(ordered, 0.95),
            nearest_rank(ordered, 0.99),
            ordered[-1],
        )


@dataclass(slots=True)
class Course:
    """One series of values by the second in which they arose, counted from the test's begin."""

    _by_second: dict[int, "array[float]"] = field(default_factory=dict)
    #: Of buckets, by their width and their first second; good while their count stays the same.
    _known: dict[tuple[int, int], Ranks] = field(default_factory=dict)

    def add(self, at_s: float, value_ms: float) -> None:
        self._by_second.setdefault(math.floor(at_s), array("d")).append(value_ms)

    def forget_before(self, at_s: float) -> None:
        for second in [second for second in self._by_second if second < at_s]:
            del self._by_second[second]
        for key in [key for key in self._known if key[1] < at_s]:
            del self._known[key]

    def latest(self, now_s: float) -> Ranks | None:
        """Of the last `NOW_S` seconds."""
        first = math.floor(now_s) - NOW_S
        return Ranks.of(
            value
            for second in range(first, math.floor(now_s) + 1)
            for value in self._by_second.get(second, ())
        )

    def all(self) -> Ranks | None:
        """Of everything that is kept."""
        return Ranks.of(value for values in self._by_second.values() for value in values)

    def curve(self, width_s: int) -> list[tuple[float, Ranks]]:
        """The middle of each bucket that has values, seconds, with its percentiles."""
        firsts = sorted({second // width_s * width_s for second in self._by_second})
        return [
            (first + width_s / 2, ranks)
            for first in firsts
            if (ranks := self._bucket(first, width_s)) is not None
        ]

    def _bucket(self, first: int, width_s: int) -> Ranks | None:
        parts = [self._by_second.get(first + place, ()) for place in range(width_s)]
        known = self._known.get((width_s, first))
        if known is None or known.count != sum(map(len, parts)):
            known = Ranks.of(value for part in parts for value in part)
            if known is not None:
                self._known[width_s, first] = known
        return known


class Floods:
    """When it was a flood, as far as it is known: by looking again and again, then exactly."""

    def __init__(self) -> None:
        #: Milliseconds; the last may still be going on.
        self._seen = deque[tuple[float, float]](maxlen=FLOODS_KEPT)
        self._is_on = False

    def look(self, at_ms: float, *, is_flood: bool) -> None:
        if is_flood:
            began_ms = self._seen.pop()[0] if self._is_on else at_ms
            self._seen.append((began_ms, at_ms))
        self._is_on = is_flood

    def spans(self, walked: Iterable[Walked], since_ms: float) -> list[tuple[float, float]]:
        """From and to, milliseconds, by time; `walked` are blocks that are over."""
        exact = [(b.began_ms, b.ended_ms) for b in walked if b.kind is Kind.FLOOD]
        seen = [span for span in self._seen if not any(_overlap(span, other) for other in exact)]
        return sorted(span for span in exact + seen if span[1] >= since_ms)


def bucket_s(length_s: float) -> int:
    """How wide a bucket is where so much is to be shown."""
    young, old = BUCKETS_S
    return young if length_s <= young * MAX_POINTS else old


def _overlap(one: Sequence[float], other: Sequence[float]) -> bool:
    return one[0] < other[1] and other[0] < one[1]
