"""What the services need from the outside, as Protocols.

The asynchronous ones serve the API (placing and looking up), the synchronous ones serve the
tasks (processing and delivering). Every store port raises `StoreUnavailable` when the store
does not confirm in time; every method that writes may be repeated with the same arguments.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Protocol

from shop.domain.invoice import Invoice
from shop.domain.notification import (
    BegunNotification,
    InvoiceForMail,
    Mail,
    Notification,
    NotificationRecord,
)
from shop.domain.order import Begun, FollowUps, Order, OrderRecord, Placement, Settlement
from shop.domain.stock import StockAudit, StockBooks, StockLevel, StockReport
from shop.domain.tally import Tally
from shop.domain.work import Claim, Delivery, Job, TaskName, TaskReport, Waiting, Workload


class OrderIntake(Protocol):
    """Where the API records orders and looks them up."""

    async def place(self, order: Order, task_id: str) -> Placement:
        """Record `order` as pending, owed and issued, in one step.

        Raises `OrderConflict`, and `BacklogFull` before anything is recorded.
        """
        ...

    async def find(self, order_id: str) -> OrderRecord | None:
        """Raises `UnreadableOrder`."""
        ...

    async def invoice(self, order_id: str) -> bytes | None:
        """The stored PDF."""
        ...


class NotificationIntake(Protocol):
    """Where the API records notifications."""

    async def place(self, notification: Notification, task_id: str) -> int:
        """Record it as owed; returns the store's time in milliseconds."""
        ...


class TaskLookup(Protocol):
    """Where the API learns what became of a task."""

    async def find(self, task_id: str) -> TaskReport | None:
        """None for an id that was never issued, or whose record has expired."""
        ...


class AsyncPublisher(Protocol):
    """Sends jobs from the API."""

    async def publish(self, job: Job) -> None:
        """Raises `PublishFailed`; the message may have gone out all the same."""
        ...


class Readiness(Protocol):
    """Whether the system behind the API can work."""

    async def missing(self) -> list[str]:
        """Names of what is missing: `redis`, or `worker:{queue}`; empty when ready.

        A queue that an operator paused is named `worker:{queue} is paused`.
        """
        ...

    async def rate_limits(self) -> Mapping[str, str]:
        """What operators limited, such as `10/m`, by task; raises `StoreUnavailable`."""
        ...


class WorkloadGauge(Protocol):
    """Where the API learns how much work there is."""

    async def read(self) -> Workload: ...


class QueueGauge(Protocol):
    """Where the API learns how much waits in the queues."""

    async def read(self) -> Mapping[str, Waiting]:
        """What no worker has taken yet, by queue; empty if this broker cannot tell.

        Raises `StoreUnavailable`.
        """
        ...


class Tallies(Protocol):
    """Where the API learns what the shop has done so far."""

    async def read(self) -> Tally: ...


class Publisher(Protocol):
    """Sends jobs from a worker."""

    def publish(self, job: Job) -> None:
        """Raises `PublishFailed`; the message may have gone out all the same."""
        ...

    def is_idle(self, queue: str) -> bool:
        """Whether no message waits in `queue`. Raises `PublishFailed`."""
        ...

    def queue_of(self, task: str) -> str:
        """The queue that messages of `task` are routed to."""
        ...


class OrderBook(Protocol):
    """Where tasks move orders on."""

    def begin(self, order: Order, task_id: str, delivery_id: str, *, lease_s: float = 0.0) -> Begun:
        """Count the attempt and push the order's due time back.

        The sweep leaves it alone for `lease_s` longer than other work that has begun.
        An order that was never placed (its task was sent by hand) is recorded here.
        Raises `OrderConflict`.
        """
        ...

    def settle(self, order_id: str, item: str, follow_ups: FollowUps) -> Settlement:
        """Move `pending` to `processed` and take the stock, or to `failed`, in one step."""
        ...

    def begin_and_settle(
        self,
        order: Order,
        task_id: str,
        delivery_id: str,
        follow_ups: FollowUps,
        *,
        max_attempts: int,
    ) -> Settlement | None:
        """Both, in one step. None: the order is left pending, for it was tried too often.

        Raises `OrderConflict`.
        """
        ...

    def begin_invoice(self, order_id: str, task_id: str, delivery_id: str) -> Begun:
        """The same as `begin` for an order's invoice, with the order's record.

        Status `unknown` if there is no order; then the attempts are those of the task.
        """
        ...

    def store_invoice(self, order_id: str, pdf: bytes) -> bool:
        """Keep the invoice unless there is one; whether this one was kept.

        Raises `OrderNotProcessed`.
        """
        ...

    def find(self, order_id: str) -> OrderRecord | None: ...

    def bury(self, order_id: str, reason: str) -> None:
        """Give the order up: out of the open orders, into the dead ones."""
        ...

    def revoke(self, order_id: str, task: TaskName, task_id: str) -> None:
        """Give the order up because an operator revoked `task`, which makes or invoices it.

        Only if the order is still owed that, and `task_id` is what it is published under.
        """
        ...

    def revive(self, order_id: str, message_id: str | None = None) -> Claim[OrderRecord]:
        """Take a failed or dead order up again, due at once; its task's result is forgotten.

        What was revoked is published under `message_id`, or an id that is drawn.
        Repeated before anybody has begun it, this is the same.
        Raises `UnknownOrder`, `OrderNotRetriable`.
        """
        ...

    def claim_lost(
        self, queue: str, *, queue_is_idle: bool, limit: int, due_by_ms: int | None = None
    ) -> Claim[OrderRecord]:
        """Orders whose message was lost, each claimed for this caller for a while.

        Only those that were overdue by `due_by_ms`, if that is given: what has been claimed since
        then is not among them, however long the caller takes.
        """
        ...


class NotificationBook(Protocol):
    """Where tasks move notifications on."""

    def begin(
        self, notification: Notification, task_id: str, delivery_id: str, *, lease_s: float = 0.0
    ) -> BegunNotification:
        """Count the attempt and push the due time back; records what was sent by hand.

        For `lease_s` the sweep leaves it alone, and other deliveries are told `IN_HAND`. While the
        sender is to slow down, nothing is counted: it is left to the sweep, and `PAUSED`.
        """
        ...

    def renew(self, task_id: str, delivery_id: str, lease_s: float) -> bool:
        """Lease it for `lease_s` from now on; False if this delivery no longer holds it."""
        ...

    def delivered(self, task_id: str, code: int | None = None) -> None:
        """Nothing is owed any more; `code` is the mail server's reply, which is counted."""
        ...

    def postpone(self, task_id: str, delay_s: float, reason: str, code: int | None = None) -> None:
        """Leave it to the sweep to send again, not before `delay_s` from now."""
        ...

    def defer(
        self,
        task_id: str,
        delay_s: float,
        reason: str,
        code: int | None = None,
        *,
        slow_down: bool = False,
    ) -> None:
        """As `postpone`, and the attempt does not count.

        With `slow_down` no notification is tried for a while, in any worker: for longer each time,
        until one is delivered.
        """
        ...

    def bury(self, task_id: str, reason: str, code: int | None = None) -> None: ...

    def find(self, task_id: str) -> NotificationRecord | None: ...

    def invoice(self, order_id: str) -> InvoiceForMail:
        """The invoice that a notification of this order may carry."""
        ...

    def claim_lost(
        self, queue: str, *, queue_is_idle: bool, limit: int, due_by_ms: int | None = None
    ) -> Claim[NotificationRecord]: ...


class StockRoom(Protocol):
    """Stock levels and prices."""

    def levels(self) -> Iterable[StockLevel]: ...

    def price(self, sku: str) -> int | None:
        """Minor units; None if the item has no price."""
        ...

    def put(self, level: StockLevel) -> None:
        """Set the level, and the price if one is given.

        The books of the item agree with it afterwards: what they did not explain was restocked.
        """
        ...

    def put_missing(self, levels: Iterable[StockLevel]) -> list[str]:
        """Set what does not exist yet; returns the SKUs that were set."""
        ...

    def report(self, day: date) -> StockReport:
        """Every item's level, those set by hand included."""
        ...

    def store_report(self, report: StockReport) -> None: ...

    def stored_report(self, day: date) -> dict[str, Any] | None: ...

    def books(self) -> Iterable[StockBooks]:
        """Of every item that was put, or sold; one set by hand is among them once it is sold."""
        ...

    def store_audit(self, audit: StockAudit) -> None: ...

    def now_ms(self) -> int:
        """The store's clock."""
        ...

    def today(self) -> date:
        """The date by the store's clock, in the shop's time zone."""
        ...


class TaskLedger(Protocol):
    """Keeps every task's stamps, and each queue's watermark."""

    def started(self, delivery: Delivery) -> None: ...

    def finished(self, task_id: str, *, failed: bool = False, has_result: bool = True) -> None:
        """`has_result` is false where the client asked for none (`ignore_result`)."""
        ...

    def begun(self, task: str, task_id: str, delivery_id: str) -> int:
        """Count an attempt at a task without a record; how many there were since one `ended`."""
        ...

    def ended(self, task_id: str) -> None:
        """An attempt has come to an end, whatever it was."""
        ...


class Warehouse(Protocol):
    """Where an order is made ready, before its stock is taken."""

    @property
    def max_preparation_s(self) -> float:
        """How long a preparation may be under way before its order is taken for lost.

        0 where there is nothing to prepare.
        """
        ...

    def prepare(self, order: Order) -> None:
        """May be done more than once for an order, as its task may be."""
        ...


class InvoiceRenderer(Protocol):
    """Draws an invoice."""

    def render(self, invoice: Invoice) -> bytes:
        """A PDF; equal invoices give equal bytes."""
        ...


class Mailer(Protocol):
    """Takes a message to the customer."""

    @property
    def lease_s(self) -> float:
        """How long a delivery is left alone after it began, or its lease was last renewed."""
        ...

    def deliver(self, mail: Mail) -> int | None:
        """The mail server's reply code, if there is a server.

        Raises `DeliveryFailed`, and nothing else: `DeliveryRefused` when no other attempt can
        help, `DeliveryDeferred` when this one is not to count.
        """
        ...
