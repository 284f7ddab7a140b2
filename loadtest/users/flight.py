"""An operation under way: filled in as more becomes known of it, in the end a `Sample`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loadtest.history import Outcome, Sample
from loadtest.schedule import Arm, Block, Kind, Operation

ACCEPTED = (200, 202)
SHED = 503
#: Celery's states that nothing follows.
SUCCEEDED = "SUCCESS"
#: Of an answer that was not expected, kept as the reason.
REASON_CHARS = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a run an operation belongs."""

    arm: Arm = Arm.MAIN
    block: int = 0
    set_number: int = 0
    kind: Kind = Kind.IDLE

    @classmethod
    def of(cls, block: Block) -> "Place":
        return cls(block.arm, block.number, block.set_number, block.kind)


@dataclass(slots=True)
class Flight:
    """One operation; times are milliseconds since the epoch."""

    place: Place
    operation: Operation
    key: str
    at_s: float
    intended_ms: float = 0.0
    #: None while it is under way.
    outcome: Outcome | None = None
    sent_ms: float | None = None
    answered_ms: float | None = None
    http_status: int | None = None
    retry_after_s: float | None = None
    error: str | None = None
    task_id: str | None = None
    first_enqueued_ms: float | None = None
    enqueued_ms: float | None = None
    received_ms: float | None = None
    started_ms: float | None = None
    finished_ms: float | None = None
    deliveries: int = 0

    @property
    def is_accepted(self) -> bool:
        return self.task_id is not None

    def drop(self, pool_size: int) -> None:
        self.outcome = Outcome.DROPPED
        self.error = f"{pool_size} requests were under way"

    def fail(self, reason: str, sent_ms: float | None, ended_ms: float) -> None:
        """No answer came."""
        self.outcome, self.error = Outcome.ERROR, reason
        self.sent_ms, self.answered_ms = sent_ms, ended_ms

    def answer(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        *,
        sent_ms: float,
        answered_ms: float,
    ) -> None:
        """What the shop said to it; names in `headers` are in lower case."""
        self.sent_ms, self.answered_ms, self.http_status = sent_ms, answered_ms, status
        if status in ACCEPTED and (task_id := _task_id(body)):
            self.task_id = task_id
            return
        self.outcome = Outcome.SHED if status == SHED else Outcome.ERROR
        self.retry_after_s = _seconds(headers.get("retry-after"))
        self.error = body[:REASON_CHARS].decode(errors="replace")

    def report(self, view: Mapping[str, Any]) -> bool:
        """What `GET /status/{task_id}` showed; whether it is finished."""
        timings: Mapping[str, Any] = view.get("timings") or {}
        self.enqueued_ms = moment_ms(timings.get("enqueued_at"))
        self.first_enqueued_ms = moment_ms(timings.get("first_enqueued_at")) or self.enqueued_ms
        self.received_ms = moment_ms(timings.get("received_at"))
        self.started_ms = moment_ms(timings.get("started_at"))
        self.finished_ms = moment_ms(timings.get("finished_at"))
        self.deliveries = timings.get("deliveries") or 0
        if not view.get("ready"):
            return False
        if view.get("state") == SUCCEEDED:
            self.outcome = Outcome.DONE
        else:
            self.outcome = Outcome.FAILED
            self.error = str(view.get("error") or view.get("state"))[:REASON_CHARS]
        return True

    def sample(self) -> Sample:
        """As it stands: what is still under way is unfinished."""
        return Sample(
            arm=self.place.arm,
            block=self.place.block,
            set_number=self.place.set_number,
            kind=self.place.kind,
            operation=self.operation,
            key=self.key,
            at_s=self.at_s,
            outcome=self.outcome or Outcome.UNFINISHED,
            intended_ms=self.intended_ms,
            sent_ms=self.sent_ms,
            answered_ms=self.answered_ms,
            http_status=self.http_status,
            retry_after_s=self.retry_after_s,
            error=self.error,
            task_id=self.task_id,
            first_enqueued_ms=self.first_enqueued_ms,
            enqueued_ms=self.enqueued_ms,
            received_ms=self.received_ms,
            started_ms=self.started_ms,
            finished_ms=self.finished_ms,
            deliveries=self.deliveries,
        )


def moment_ms(stamp: object) -> float | None:
    """`2026-01-01T00:00:00.005Z` becomes 1767225600005.0."""
    if not isinstance(stamp, str):
        return None
    return round(datetime.fromisoformat(stamp).timestamp() * 1000, 3)


def _task_id(body: bytes) -> str | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    task_id = answer.get("task_id") if isinstance(answer, dict) else None
    return task_id if isinstance(task_id, str) else None


def _seconds(header: str | None) -> float | None:
    try:
        return None if header is None else float(header)
    except ValueError:
        return None
