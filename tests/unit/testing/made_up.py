"""Histories and final states of runs that never were."""

from dataclasses import replace

from shop.domain.order import Order, OrderStatus, Reason, order_notices
from testing.checkers import Check, Expectations, Judgement, Verdict, Violation, judge
from testing.final_state import FinalNotification, FinalOrder, FinalState
from testing.history import Effect, Event, History, Kind, Observer, Operation, Phase
from tests.builders import ANN
from tests.unit.testing.memory import Memory

START_MS = 1_772_366_400_000
BEA = "bea@example.com"


class MadeUpHistory(Memory):
    """Keeps events as if each came a millisecond after the one before."""

    @property
    def now_ms(self) -> int:
        return START_MS + len(self.events)

    def record(self, event: Event) -> None:
        self.events.append(replace(event, at_ms=self.now_ms))


class MadeUpRun:
    """A run that goes well as far as a test does not say otherwise.

    What the final state will hold stands in attributes; a test spoils it there.
    """

    def __init__(self, **stock: int) -> None:
        """`stock` is units by SKU, with an underscore for a hyphen."""
        self.history = MadeUpHistory()
        self.initial_stock = {sku.replace("_", "-"): units for sku, units in stock.items()}
        self.stock: dict[str, int | None] = {**self.initial_stock}
        self.orders: dict[str, FinalOrder] = {}
        self.invoices: dict[str, str] = {}
        self.notifications: dict[str, FinalNotification] = {}
        self.orders_open: set[str] = set()
        self.orders_dead: set[str] = set()
        self.notifications_open: set[str] = set()
        self.torn = False
        self._sends = 0
        self.history.watching(Observer.STORE)
        self.history.watching(Observer.MAIL)

    # What customers do.

    def send(
        self,
        order_id: str,
        item: str = "SKU-1",
        qty: int = 2,
        email: str = ANN,
        *,
        status: int | None = 202,
        task_id: str | None = None,
    ) -> None:
        """A send and its answer; `status` None: there was none."""
        payload = {"id": order_id, "item": item, "qty": qty, "email": email}
        if status is not None and status < 300:
            task_id = task_id or f"task-of-{order_id}"
        self._send(Operation.ORDER, order_id, payload, status, task_id)

    def place(
        self, order_id: str, item: str = "SKU-1", qty: int = 2, email: str = ANN
    ) -> FinalOrder:
        """Sent, accepted and worked on to the end."""
        self.send(order_id, item, qty, email)
        return self.work_on(order_id, item, qty, email)

    def notify(
        self,
        message: str = "Your parcel is here.",
        *,
        task_id: str = "task-n",
        email: str = ANN,
        status: int | None = 202,
    ) -> None:
        """Sent and, if accepted, delivered."""
        told = task_id if status == 202 else None
        payload = {"email": email, "message": message}
        self._send(Operation.NOTIFICATION, f"send-{self._sends}", payload, status, told)
        if status == 202:
            self.deliver(task_id, email, message)

    # What the shop does.

    def work_on(
        self,
        order_id: str,
        item: str = "SKU-1",
        qty: int = 2,
        email: str = ANN,
        *,
        in_stock: bool = False,
    ) -> FinalOrder:
        """Decide an order that was recorded; `in_stock`: whether it is or not, it counts so."""
        left = self.stock.get(item)
        status, reason = OrderStatus.PROCESSED, None
        if left is None:
            status, reason = OrderStatus.FAILED, Reason.UNKNOWN_ITEM
        elif left < qty and not in_stock:
            status, reason = OrderStatus.FAILED, Reason.OUT_OF_STOCK
        task_id, notice_id = f"task-of-{order_id}", f"notice-of-{order_id}"
        self.deliveries(task_id, "process_order")
        order = FinalOrder(
            order_id=order_id,
            status=status,
            item=item,
            qty=qty,
            email=email,
            task_id=task_id,
            reason=reason,
            attempts=1,
            processed_at_ms=self.history.now_ms,
            notification_task_id=notice_id,
        )
        self.orders[order_id] = order
        if status == OrderStatus.PROCESSED:
            assert left is not None
            self.stock[item] = left - qty
            self.history.effect(Effect.STOCK_TAKEN, order_id, sku=item)
            self.invoices[order_id] = f"sha-of-{order_id}"
            self.see_invoice(order_id, f"sha-of-{order_id}")
            self.deliveries(f"invoice-of-{order_id}", "generate_invoice")
        notices = order_notices(Order(id=order_id, item=item, qty=qty, email=email))
        self.deliver(notice_id, email, notices.for_outcome(status, reason))
        return order

    def deliver(self, task_id: str, email: str, message: str) -> None:
        self.deliveries(task_id, "send_notification")
        self.see_mail(email, message)
        self.notifications[task_id] = FinalNotification(
            task_id, "delivered", email, message, 1, closed_at_ms=self.history.now_ms
        )

    def see_mail(self, email: str, text: str) -> None:
        self.history.effect(Effect.MAIL_DELIVERED, email, text=text)

    def see_invoice(self, order_id: str, sha256: str | None) -> None:
        self.history.effect(Effect.INVOICE_STORED, order_id, sha256=sha256)

    def deliveries(self, task_id: str, task: str, count: int = 1) -> None:
        at_ms = self.history.now_ms
        self.history.delivery(task_id, task=task, deliveries=count, started_at_ms=at_ms)

    # What befalls it.

    def fault(self, name: str, fault: str, *phases: Phase) -> None:
        for phase in phases:
            self.history.fault(name, fault, phase)

    def forget_effects(self, *effects: Effect, of: str | None = None) -> None:
        """As if nobody had seen these, of one subject or of any."""
        self.history.events = [
            event
            for event in self.history.events
            if event.kind is not Kind.EFFECT
            or event.data["effect"] not in effects
            or of not in (None, event.subject)
        ]

    def undo(self, order_id: str) -> FinalOrder:
        """As if nobody had worked on an order: it is pending, and open."""
        order = self.orders[order_id]
        if order.status == OrderStatus.PROCESSED:
            self.stock[order.item or ""] = (self.stock[order.item or ""] or 0) + (order.qty or 0)
        self.invoices.pop(order_id, None)
        self.forget_effects(Effect.STOCK_TAKEN, Effect.INVOICE_STORED, of=order_id)
        self.notifications.pop(order.notification_task_id or "")
        self.orders[order_id] = replace(
            order,
            status=OrderStatus.PENDING,
            reason=None,
            processed_at_ms=None,
            notification_task_id=None,
        )
        self.orders_open.add(order_id)
        return self.orders[order_id]

    def final(self) -> FinalState:
        return FinalState(
            read_at_ms=self.history.now_ms,
            initial_stock=self.initial_stock,
            stock=self.stock,
            orders=self.orders,
            invoices=self.invoices,
            notifications=self.notifications,
            orders_open=frozenset(self.orders_open),
            orders_dead=frozenset(self.orders_dead),
            notifications_open=frozenset(self.notifications_open),
        )

    def was_accepted(self, order_id: str, *, status: int | None = None) -> bool:
        """Whether a send of the order was answered so, or with any 2xx."""
        answers = {
            event.data["status"]
            for event in self.history.events
            if event.kind is Kind.ANSWER and event.subject == order_id
        }
        return bool(answers & ({status} if status else {200, 202}))

    def judged(self, expected: Expectations | None = None) -> Judgement:
        history = History.of(self.history.events, torn=self.torn)
        return judge(history, self.final(), expected or Expectations())

    def only(self, check: Check) -> Violation:
        """Its one violation, which must be this checker's."""
        judged = self.judged()
        assert judged.verdict is Verdict.INVALID
        (violation,) = judged.violations
        assert violation.check is check
        assert judged.counts.violations[check] == 1
        assert sum(judged.counts.violations.values()) == 1
        return violation

    def _send(
        self,
        operation: Operation,
        subject: str,
        payload: dict[str, object],
        status: int | None,
        task_id: str | None,
    ) -> None:
        send = f"send-{self._sends}"
        self._sends += 1
        self.history.request(operation, subject, send, payload)
        error = "timed out" if status is None else None
        self.history.answer(
            subject, send, latency_ms=1.5, status=status, task_id=task_id, error=error
        )


def something_of_everything() -> MadeUpRun:
    """A run in which all went well."""
    run = MadeUpRun(SKU_1=10, SKU_2=1)
    run.place("processed")
    run.place("unknown-item", item="NO-SUCH")
    run.place("too-many", item="SKU-2", qty=2)
    run.notify("Hello", task_id="task-hello")
    return run
