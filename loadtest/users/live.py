"""What a scenario shows while it runs: the latest samples and depths, kept in memory.

Nothing here opens or imports anything of Locust; a page reads it from the same process.
"""

import math
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from loadtest.history import Depth, Event, Outcome, Sample, Walked, clock_ahead_ms
from loadtest.schedule import Kind, Operation

#: Of each operation and kind; all percentiles of a page cost a few milliseconds with that.
SAMPLES_KEPT = 2_000
#: Half an hour at two a second.
DEPTHS_KEPT = 3_600
BLOCKS_KEPT = 1_000

Group = tuple[Operation, Kind]


class Span(Enum):
    """A part of an operation's life whose length is asked for."""

    LAG = "lag"
    ACCEPT = "accept"
    WAIT = "wait"
    BROKER = "broker"
    PREFETCH = "prefetch"
    RUN = "run"
    END_TO_END = "end to end"


_LENGTHS: Mapping[Span, Callable[[Sample, float], float | None]] = {
    Span.LAG: lambda sample, _: sample.lag_ms,
    Span.ACCEPT: lambda sample, _: sample.accept_ms,
    Span.WAIT: lambda sample, _: sample.wait_ms,
    Span.BROKER: lambda sample, _: sample.broker_ms,
    Span.PREFETCH: lambda sample, _: sample.prefetch_ms,
    Span.RUN: lambda sample, _: sample.run_ms,
    Span.END_TO_END: lambda sample, ahead_ms: sample.end_to_end_ms(ahead_ms),
}


@dataclass(frozen=True, slots=True)
class Percentiles:
    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


@dataclass(slots=True)
class Live:
    """One test's; the next begins with `clear`."""

    #: Such as `Spike`: what is walked now, in the order in which it was begun.
    scenarios: list[str] = field(default_factory=list)
    #: What was chosen, and what follows from it, for people to read.
    facts: dict[str, str] = field(default_factory=dict)
    #: When the test began, milliseconds since the epoch.
    began_ms: float | None = None
    #: What the moment is: a flood or not.
    kind: Kind = Kind.IDLE
    #: Why it cannot run, a line.
    problem: str | None = None
    _samples: dict[Group, deque[Sample]] = field(default_factory=dict)
    _outcomes: Counter[tuple[Operation, Kind, Outcome]] = field(default_factory=Counter)
    _depths: deque[Depth] = field(default_factory=lambda: deque(maxlen=DEPTHS_KEPT))
    _walked: deque[Walked] = field(default_factory=lambda: deque(maxlen=BLOCKS_KEPT))

    def clear(self, began_ms: float) -> None:
        self.scenarios, self.facts, self.problem = [], {}, None
        self.began_ms, self.kind = began_ms, Kind.IDLE
        self._samples.clear()
        self._outcomes.clear()
        self._depths.clear()
        self._walked.clear()

    def add(self, event: Event) -> None:
        match event:
            case Sample():
                group = event.operation, event.kind
                self._samples.setdefault(group, deque(maxlen=SAMPLES_KEPT)).append(event)
                self._outcomes[event.operation, event.kind, event.outcome] += 1
            case Depth():
                self._depths.append(event)
            case Walked():
                self._walked.append(event)

    def samples(
        self,
        operation: Operation | None = None,
        kind: Kind | None = None,
        *,
        since_ms: float = -math.inf,
    ) -> list[Sample]:
        """Those that are kept, by group and then by the time when they ended.

        `since_ms` is by their intended time.
        """
        return [
            sample
            for group, samples in self._samples.items()
            if operation in (None, group[0]) and kind in (None, group[1])
            for sample in samples
            if sample.intended_ms >= since_ms
        ]

    def depths(self, *, since_ms: float = -math.inf) -> list[Depth]:
        return [depth for depth in self._depths if depth.at_ms >= since_ms]

    def walked(self) -> list[Walked]:
        """Blocks that are over, of a scenario that has blocks."""
        return list(self._walked)

    def outcomes(self, operation: Operation, kind: Kind | None = None) -> dict[Outcome, int]:
        """How many ended how since the test began."""
        counts = Counter[Outcome]()
        for (of, in_kind, outcome), count in self._outcomes.items():
            if of is operation and kind in (None, in_kind):
                counts[outcome] += count
        return dict(counts)

    def percentiles(
        self,
        span: Span,
        operation: Operation,
        kind: Kind | None = None,
        *,
        since_ms: float = -math.inf,
    ) -> Percentiles | None:
        """Of the samples that are kept; None if none passed that part of its life."""
        samples = self.samples(operation, kind, since_ms=since_ms)
        ahead_ms = clock_ahead_ms(samples) if span is Span.END_TO_END else 0.0
        length = _LENGTHS[span]
        lengths = sorted(ms for sample in samples if (ms := length(sample, ahead_ms)) is not None)
        if not lengths:
            return None
        return Percentiles(
            len(lengths),
            p50_ms=nearest_rank(lengths, 0.50),
            p95_ms=nearest_rank(lengths, 0.95),
            p99_ms=nearest_rank(lengths, 0.99),
            max_ms=lengths[-1],
        )


def nearest_rank(ordered: Sequence[float], share: float) -> float:
    """The smallest value that so large a share does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


#: This process's.
LIVE = Live()
