"""The shop's tasks and queues, and what it takes to send one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")

#: Exit code of a worker that ended itself for being stuck (EX_TEMPFAIL): start it again.
EXIT_STALLED = 75


class Queue(StrEnum):
    """Where tasks wait; each queue has a worker of its own."""

    #: Orders, invoices and housekeeping: may be long, may be many.
    DEFAULT = "default"
    #: Notifications: somebody is waiting for them.
    PRIORITY = "priority"


class TaskName(StrEnum):
    """Public names: any Celery client may send these."""

    PROCESS_ORDER = "process_order"
    GENERATE_INVOICE = "generate_invoice"
    SEND_NOTIFICATION = "send_notification"
    DAILY_STOCK_REPORT = "daily_stock_report"
    CHECK_PENDING_ORDERS = "check_pending_orders"
    AUDIT_STOCK = "audit_stock"


@dataclass(frozen=True, slots=True)
class Job:
    """One message to be published: a hint that recorded work may be due."""

    task: TaskName
    args: tuple[Any, ...]
    task_id: str
    #: When the work was recorded, or claimed by the sweep: milliseconds by the store's clock.
    enqueued_at_ms: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of a message to a worker, as the ledger needs it."""

    task: str
    task_id: str
    #: Differs between deliveries of the same message, so that each is counted once.
    delivery_id: str
    queue: str
    #: The publisher's stamp, by the store's clock; None if a foreign client sent the task.
    enqueued_at_ms: int | None
    #: How long ago the worker received it, by the worker's monotonic clock.
    age_ms: int


@dataclass(frozen=True, slots=True)
class Timings:
    """When a task passed which stage: milliseconds since the epoch, all by the store's clock."""

    #: When the work was recorded, and so first published.
    first_enqueued_at_ms: int | None = None
    #: When the message was published that was started last: later than the first if the sweep
    #: sent it again. Before a start, the same as the first.
    enqueued_at_ms: int | None = None
    #: By the worker; from then to the start it waits there and not in the queue.
    received_at_ms: int | None = None
    started_at_ms: int | None = None
    finished_at_ms: int | None = None
    deliveries: int = 0

    @property
    def queue_wait_ms(self) -> int | None:
        return _span(self.enqueued_at_ms, self.started_at_ms)

    @property
    def run_ms(self) -> int | None:
        return _span(self.started_at_ms, self.finished_at_ms)


@dataclass(frozen=True, slots=True)
class TaskReport:
    """What is known of one issued task."""

    task_id: str
    task: str
    #: Celery's state; `PENDING` means queued.
    state: str
    #: The task's return value, once it succeeded.
    result: Any
    #: One line, once it failed.
    error: str | None
    timings: Timings


@dataclass(frozen=True, slots=True)
class Workload:
    """How much work the store knows of."""

    open_orders: int
    open_notifications: int
    #: Orders given up.
    dead_orders: int
    #: Messages that no worker can process, kept to be looked into.
    dead_messages: int = 0


@dataclass(frozen=True, slots=True)
class Restraints:
    """What an operator told a worker about one of its queues, until it is taken back."""

    #: It takes no more from the queue: `celery control cancel_consumer`.
    is_paused: bool = False
    #: Such as `10/m`, by task of the queue: `celery control rate_limit`.
    rate_limits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Consumers:
    """The live workers of a queue, taken together."""

    alive: int
    paused: int = 0
    rate_limits: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, alive: int, told: Iterable[Restraints]) -> Self:
        """So many, of whom some were told something."""
        told = tuple(told)
        return cls(
            alive,
            sum(restraints.is_paused for restraints in told),
            {task: rate for restraints in told for task, rate in restraints.rate_limits.items()},
        )

    @property
    def is_paused(self) -> bool:
        """Whether nobody takes anything from the queue, and an operator wanted it so."""
        return 0 < self.alive <= self.paused

    @property
    def is_restrained(self) -> bool:
        """Whether messages may wait, in the queue or in hand, though nothing is wrong."""
        return self.paused > 0 or bool(self.rate_limits)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in one queue."""

    depth: int
    #: How long ago its oldest message was published; None if that has no stamp of the shop's.
    oldest_s: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Claim(Generic[T]):
    """Work that a sweep has claimed for itself, and the store's time of the claim."""

    at_ms: int
    records: tuple[T, ...] = ()
    #: As many were claimed as were asked for; among them may be some that left no record to send.
    is_full: bool = False


def _span(start_ms: int | None, end_ms: int | None) -> int | None:
    return None if start_ms is None or end_ms is None else max(0, end_ms - start_ms)
