"""What a run records, one line an event: each operation's whole life, and the queues' depths."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from loadtest.schedule import Arm, Kind, Operation


class Outcome(StrEnum):
    """How an operation ended."""

    #: Accepted and finished.
    DONE = "done"
    #: Accepted, and not finished when the run stopped looking.
    UNFINISHED = "unfinished"
    #: Accepted, and ended in failure.
    FAILED = "failed"
    #: Refused with 503.
    SHED = "shed"
    #: Any other answer, or none.
    ERROR = "error"
    #: Never sent: the pool was full.
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Sample:
    """One operation. Times are milliseconds since the epoch: those of the generator's clock first,
    then those of the shop's.
    """

    arm: Arm
    block: int
    set_number: int
    kind: Kind
    operation: Operation
    key: str
    #: After the block's start, seconds.
    at_s: float
    outcome: Outcome
    #: When it was to be sent: every latency that a client feels counts from here.
    intended_ms: float
    sent_ms: float | None = None
    answered_ms: float | None = None
    http_status: int | None = None
    retry_after_s: float | None = None
    error: str | None = None
    task_id: str | None = None
    #: Recorded and first published.
    first_enqueued_ms: float | None = None
    #: Last published: later than the first if a sweep sent it again.
    enqueued_ms: float | None = None
    received_ms: float | None = None
    started_ms: float | None = None
    finished_ms: float | None = None
    deliveries: int = 0

    @property
    def lag_ms(self) -> float | None:
        """How late the generator was."""
        return _span(self.intended_ms, self.sent_ms)

    @property
    def accept_ms(self) -> float | None:
        return _span(self.intended_ms, self.answered_ms)

    @property
    def wait_ms(self) -> float | None:
        """From the first publication to the start."""
        return _span(self.first_enqueued_ms, self.started_ms)

    @property
    def broker_ms(self) -> float | None:
        """The part of the wait before a worker received it."""
        return _span(self.first_enqueued_ms, self.received_ms)

    @property
    def prefetch_ms(self) -> float | None:
        """The part of the wait after a worker received it."""
        return _span(self.received_ms, self.started_ms)

    @property
    def run_ms(self) -> float | None:
        return _span(self.started_ms, self.finished_ms)

    def end_to_end_ms(self, shop_clock_ahead_ms: float) -> float | None:
        """From the intended time to the end."""
        span_ms = _span(self.intended_ms, self.finished_ms)
        return None if span_ms is None else max(0.0, span_ms - shop_clock_ahead_ms)


@dataclass(frozen=True, slots=True)
class Depth:
    """Messages that wait in each queue, and work that is owed, at one moment."""

    at_ms: float
    default: int
    priority: int
    open_orders: int
    open_notifications: int


@dataclass(frozen=True, slots=True)
class Walked:
    """A block that was walked, by the generator's clock, and when the shop was empty again."""

    arm: Arm
    block: int
    set_number: int
    kind: Kind
    began_ms: float
    ended_ms: float
    drained_ms: float | None


@dataclass(frozen=True, slots=True)
class Memory:
    """What one process of a stack held at one moment; `redis` is what its server says of itself."""

    at_ms: float
    process: str
    held_bytes: int


Event = Sample | Depth | Walked | Memory
_TYPES: dict[str, type[Event]] = {
    "sample": Sample,
    "depth": Depth,
    "walked": Walked,
    "memory": Memory,
}
_NAMES = {kind: name for name, kind in _TYPES.items()}
_ENUMS: dict[str, type[StrEnum]] = {
    "arm": Arm,
    "kind": Kind,
    "operation": Operation,
    "outcome": Outcome,
}


def as_line(event: Event) -> str:
    return json.dumps({"event": _NAMES[type(event)], **asdict(event)}) + "\n"


def from_line(line: str) -> Event:
    data: dict[str, Any] = json.loads(line)
    kind: Callable[..., Event] = _TYPES[data.pop("event")]
    return kind(**{name: _ENUMS[name](v) if name in _ENUMS else v for name, v in data.items()})


class HistoryWriter:
    """Appends events to a file, each a line that is whole or missing."""

    def __init__(self, file: Path) -> None:
        self._out: TextIOWrapper = file.open("a", buffering=1)

    def write(self, *events: Event) -> None:
        for event in events:
            self._out.write(as_line(event))

    def close(self) -> None:
        self._out.close()


def read(file: Path) -> Iterator[Event]:
    with file.open() as lines:
        for line in lines:
            if line.endswith("\n"):
                yield from_line(line)


def clock_ahead_ms(samples: Iterable[Sample]) -> float:
    """How far the shop's clock is ahead of the generator's.

    Each acceptance was stamped by the shop between its sending and its answer; what all of these
    intervals allow is 0 on one machine, and else the middle of it.
    """
    least, most = float("-inf"), float("inf")
    for sample in samples:
        if sample.first_enqueued_ms is None or sample.sent_ms is None or sample.answered_ms is None:
            continue
        least = max(least, sample.first_enqueued_ms - sample.answered_ms)
        # Stamps are whole milliseconds.
        most = min(most, sample.first_enqueued_ms + 1 - sample.sent_ms)
    if least <= 0 <= most or least == float("-inf"):
        return 0.0
    return (least + most) / 2


def _span(start_ms: float | None, end_ms: float | None) -> float | None:
    return None if start_ms is None or end_ms is None else max(0.0, end_ms - start_ms)
