"""The state behind the fakes: what Redis would hold, in dictionaries, under a manual clock."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from threading import RLock
from typing import Any

from shop.adapters.redis.keys import METRICS_TASKS
from shop.domain.errors import StoreUnavailable
from shop.domain.tally import BUCKETS_MS
from shop.domain.work import Restraints

#: 2026-03-01 12:00:00 UTC: an ordinary moment, the same in every run.
START_MS = 1_772_366_400_000


@dataclass
class ManualClock:
    """The store's clock; it moves only when a test moves it."""

    now_ms: int = START_MS

    def advance(self, ms: float) -> None:
        self.now_ms += round(ms)


@dataclass
class OrderRow:
    """What `order:{id}` and `order:{id}:status` hold."""

    item: str
    qty: int
    email: str
    task_id: str
    placed_at_ms: int
    status: str = "pending"
    processed_at_ms: int | None = None
    reason: str | None = None
    unit_price_minor: int | None = None
    currency: str | None = None
    invoice_number: str | None = None
    attempts: int = 0
    delivery: str | None = None
    invoice_task_id: str | None = None
    invoice_attempts: int = 0
    invoice_delivery: str | None = None
    is_revived: bool = False
    notification_task_id: str | None = None
    message_id: str | None = None


@dataclass
class NotificationRow:
    """What `notification:{task_id}` holds."""

    email: str
    message: str
    status: str = "pending"
    attempts: int = 0
    delivery: str | None = None
    #: The delivery that is under way, as far as anybody knows.
    holder: str | None = None
    reason: str | None = None
    postponed_after: int | None = None
    closed_at_ms: int | None = None
    expires_at_ms: int | None = None
    #: The delivery that was left for later while the sender was to slow down.
    left: str | None = None
    #: Attempts that did not count.
    deferrals: int = 0
    #: The order that it is about.
    order_id: str | None = None


@dataclass
class MailPause:
    """What `mail:pause` holds."""

    until_ms: int = 0
    in_a_row: int = 0
    #: Notifications that were left for later meanwhile.
    left: int = 0


@dataclass
class TaskRow:
    """What `task:{task_id}` holds."""

    task: str
    expires_at_ms: int
    first_enqueued_at_ms: int | None = None
    enqueued_at_ms: int | None = None
    received_at_ms: int | None = None
    started_at_ms: int | None = None
    finished_at_ms: int | None = None
    deliveries: int = 0
    delivery: str | None = None
    #: The order that it is about.
    order_id: str | None = None
    #: How it ended, and whether that is to be found in its result.
    state: str | None = None
    has_result: bool = True
    #: Of a task without a record of its own.
    attempts: int = 0
    attempt: str | None = None


@dataclass
class FakeResult:
    """What Celery's result backend would hold of a task."""

    state: str
    result: Any = None
    error: str | None = None


@dataclass
class FakeStore:
    """One data store; the fakes that are to see the same data are given the same store.

    Every port's method is one step under `lock`, as a script is in Redis.
    """

    clock: ManualClock = field(default_factory=ManualClock)
    #: False: every call raises `StoreUnavailable`.
    available: bool = True
    lock: RLock = field(default_factory=RLock)

    orders: dict[str, OrderRow] = field(default_factory=dict)
    #: id -> when it is overdue, ms.
    orders_open: dict[str, int] = field(default_factory=dict)
    #: id -> when it was given up, ms.
    orders_dead: dict[str, int] = field(default_factory=dict)
    notifications: dict[str, NotificationRow] = field(default_factory=dict)
    notifications_open: dict[str, int] = field(default_factory=dict)
    notifications_dead: dict[str, int] = field(default_factory=dict)
    mail_pause: MailPause = field(default_factory=MailPause)
    #: sku -> the text that is stored; None: the key is there and holds no string.
    stock: dict[str, str | None] = field(default_factory=dict)
    #: sku -> the text that is stored, minor units.
    prices: dict[str, str | None] = field(default_factory=dict)
    invoices: dict[str, bytes] = field(default_factory=dict)
    #: day -> JSON.
    reports: dict[date, str] = field(default_factory=dict)
    tasks: dict[str, TaskRow] = field(default_factory=dict)
    #: As Celery's result backend; nothing of it expires.
    results: dict[str, FakeResult] = field(default_factory=dict)
    #: queue -> the newest publication whose task has started, ms.
    watermarks: dict[str, int] = field(default_factory=dict)
    #: queue -> worker -> when it last beat, ms.
    workers: dict[str, dict[str, int]] = field(default_factory=dict)
    #: By queue and worker.
    restraints: dict[tuple[str, str], Restraints] = field(default_factory=dict)

    #: As the hashes of counts: `metrics:orders` and so on -> field -> how often.
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    #: The stock's books, units by SKU.
    initial: dict[str, int] = field(default_factory=dict)
    restocked: dict[str, int] = field(default_factory=dict)
    sold: Counter[str] = field(default_factory=Counter)
    #: Invoices that have a number, by year.
    invoices_numbered: Counter[int] = field(default_factory=Counter)
    #: JSON.
    audit: str | None = None

    def count(self, key: str, name: str, number: int = 1) -> None:
        self.counts[key][name] += number

    def observe(self, name: str, ms: int) -> None:
        """Count a span in a histogram of tasks."""
        bucket = next((str(bound) for bound in BUCKETS_MS if ms <= bound), "inf")
        self.count(METRICS_TASKS, f"{name}:{bucket}")
        self.count(METRICS_TASKS, f"{name}:sum", ms)

    @contextmanager
    def step(self) -> Iterator[int]:
        """One atomic step; gives the time in milliseconds."""
        with self.lock:
            if not self.available:
                raise StoreUnavailable("the fake store is switched off")
            self._expire()
            yield self.clock.now_ms

    def _expire(self) -> None:
        now_ms = self.clock.now_ms
        for task_id in [key for key, row in self.tasks.items() if row.expires_at_ms <= now_ms]:
            del self.tasks[task_id]
        for task_id in [
            key
            for key, row in self.notifications.items()
            if row.expires_at_ms is not None and row.expires_at_ms <= now_ms
        ]:
            del self.notifications[task_id]
