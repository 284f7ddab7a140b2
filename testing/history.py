"""What happened in a run, as it was seen from outside: a file with one JSON line an event."""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self


class Kind(StrEnum):
    """What sort of thing happened; it says what an event's `subject` and `data` are."""

    #: A call is about to be made. Subject: the order's id as it was sent, or the send's own id
    #: for a notification. `send`, `operation`, `payload` as it goes out.
    REQUEST = "request"
    #: What became of a call: `send`, `latency_ms`, and `status` with `task_id`, or `error` when
    #: nobody knows whether it took effect.
    ANSWER = "answer"
    #: A task was started. Subject: its id. `task`, and `deliveries` so far.
    DELIVERY = "delivery"
    #: Something took effect: `effect`, and what each `Effect` says.
    EFFECT = "effect"
    #: A fault. Subject: its name. `fault` tells two of the same name apart; `phase`.
    FAULT = "fault"
    #: What a watcher of effects can see. Subject: an `Observer`. `sight`, and for a window
    #: that it did not see `from_ms` and `to_ms`.
    OBSERVER = "observer"


class Operation(StrEnum):
    """What a request asks for."""

    ORDER = "order"
    NOTIFICATION = "notification"


class Effect(StrEnum):
    """What can be done once too often."""

    #: Subject: the order's id, or empty for stock that was counted in none's transition. `sku`.
    STOCK_TAKEN = "stock_taken"
    #: Subject: the order's id. `sha256` of the bytes, None if they could not be read.
    INVOICE_STORED = "invoice_stored"
    #: Subject: the recipient's address. `text`.
    MAIL_DELIVERED = "mail_delivered"


class Phase(StrEnum):
    """How far a fault has come."""

    #: It was tried.
    INJECTED = "injected"
    #: It was seen to have taken hold.
    CONFIRMED = "confirmed"
    #: It was not: what it was to show is not shown.
    NOT_CONFIRMED = "not_confirmed"
    #: What it broke was mended, whether it took hold or not.
    HEALED = "healed"


class Observer(StrEnum):
    """Who watches effects."""

    #: Stock and invoices, in Redis.
    STORE = "store"
    #: Mail, at an SMTP server.
    MAIL = "mail"


class Sight(StrEnum):
    """What an observer can see."""

    #: From now on it sees everything.
    WATCHING = "watching"
    #: From `from_ms` to `to_ms` it may have missed something.
    BLIND = "blind"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; `data` is as JSON has it."""

    #: Milliseconds since the epoch by the wall clock of this machine.
    at_ms: int
    kind: Kind
    subject: str
    data: Mapping[str, Any]

    def as_line(self) -> str:
        fields = {
            "at_ms": self.at_ms,
            "kind": self.kind,
            "subject": self.subject,
            "data": self.data,
        }
        return json.dumps(fields) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Raises `ValueError`, `KeyError` or `TypeError` for what is no event."""
        fields = json.loads(line)
        return cls(int(fields["at_ms"]), Kind(fields["kind"]), fields["subject"], fields["data"])


@dataclass(frozen=True, slots=True)
class History:
    """Everything that was recorded of a run, in order of time."""

    events: tuple[Event, ...]
    #: Whether the last line was cut off: whoever wrote it was ended while it wrote.
    torn: bool = False

    @classmethod
    def of(cls, events: Iterable[Event], *, torn: bool = False) -> Self:
        # What happened in the same millisecond keeps the order in which it was recorded.
        return cls(tuple(sorted(events, key=lambda event: event.at_ms)), torn)


class HistoryDamaged(Exception):
    """A line in the middle of the file is no event: the file is not what was written."""

    def __init__(self, path: Path, line_number: int) -> None:
        super().__init__(f"{path}:{line_number} is no event")
        self.path = path
        self.line_number = line_number


class Recorder(ABC):
    """Takes events; the methods name what belongs to each kind."""

    @abstractmethod
    def record(self, event: Event) -> None: ...

    def request(
        self, operation: Operation, subject: str, send: str, payload: Mapping[str, Any]
    ) -> None:
        """Call it before sending: what was sent and not recorded would look like a miracle."""
        data = {"send": send, "operation": operation, "payload": payload}
        self._now(Kind.REQUEST, subject, data)

    def answer(
        self,
        subject: str,
        send: str,
        *,
        latency_ms: float,
        status: int | None = None,
        task_id: str | None = None,
        error: str | None = None,
    ) -> None:
        """`status` is HTTP's; without one, `error` says why there is none."""
        data = {"send": send, "latency_ms": latency_ms, "status": status}
        data |= {"task_id": task_id, "error": error}
        self._now(Kind.ANSWER, subject, data)

    def delivery(self, task_id: str, *, task: str, deliveries: int, started_at_ms: int) -> None:
        data = {"task": task, "deliveries": deliveries}
        self.record(Event(started_at_ms, Kind.DELIVERY, task_id, data))

    def effect(self, effect: Effect, subject: str, **data: Any) -> None:
        self._now(Kind.EFFECT, subject, {"effect": effect, **data})

    def fault(self, name: str, fault: str, phase: Phase, **details: Any) -> None:
        """`fault` is the same in all phases of one fault, and differs between two."""
        self._now(Kind.FAULT, name, {"fault": fault, "phase": phase, **details})

    def watching(self, observer: Observer) -> None:
        self._now(Kind.OBSERVER, observer, {"sight": Sight.WATCHING})

    def blind(self, observer: Observer, from_ms: int, to_ms: int) -> None:
        data = {"sight": Sight.BLIND, "from_ms": from_ms, "to_ms": to_ms}
        self._now(Kind.OBSERVER, observer, data)

    def _now(self, kind: Kind, subject: str, data: Mapping[str, Any]) -> None:
        self.record(Event(now_ms(), kind, subject, data))


class HistoryWriter(Recorder):
    """Appends to a new file; safe to use from several threads at once."""

    def __init__(self, path: Path) -> None:
        """Raises `FileExistsError`: two runs in one file could not be told apart."""
        # Unbuffered: once `record` returns, the line survives the end of this process.
        self._file = path.open("xb", buffering=0)
        self._lock = Lock()

    def record(self, event: Event) -> None:
        rest = memoryview(event.as_line().encode())
        with self._lock:
            # A write to a file may be short when the disk is nearly full.
            while rest:
                rest = rest[self._file.write(rest) :]

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def read_history(path: Path) -> History:
    """Raises `HistoryDamaged`; a last line that was cut off is left out, and said."""
    *whole, rest = path.read_bytes().split(b"\n")
    events = []
    for number, line in enumerate(whole, start=1):
        try:
            events.append(Event.from_line(line.decode()))
        except (ValueError, KeyError, TypeError):
            raise HistoryDamaged(path, number) from None
    return History.of(events, torn=bool(rest))


def now_ms() -> int:
    """The clock of every event that is recorded as it happens."""
    return time.time_ns() // 1_000_000
