"""The history by subject: who sent what, what was answered, what was seen to take effect."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Self

from pydantic import ValidationError

from shop.domain.notification import Notification
from shop.domain.order import Order
from testing.history import Effect, Event, History, Kind, Operation, Phase, Sight

CONFLICT = 409


class Content(NamedTuple):
    """What an order is for, once its id is known."""

    item: str | None
    qty: int | None
    email: str | None


class Mail(NamedTuple):
    """A message to an address, as it was to be sent or has arrived."""

    email: str
    text: str

    @classmethod
    def of(cls, email: str, text: str) -> Self:
        """Ends of lines are not a mail's own, nor is an empty last line."""
        return cls(email, text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n"))


class Outcome(StrEnum):
    """What a send's answer says about whether it took effect."""

    #: 2xx.
    ACCEPTED = "accepted"
    #: 4xx: it did not, and will not.
    REFUSED = "refused"
    #: No answer, or 5xx: it may have, and may yet.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Send:
    """One request and its answer."""

    send: str
    at_ms: int
    operation: Operation
    subject: str
    payload: Mapping[str, Any]
    status: int | None = None
    task_id: str | None = None

    @property
    def outcome(self) -> Outcome:
        if self.status is not None and 200 <= self.status < 300:
            return Outcome.ACCEPTED
        if self.status is not None and 400 <= self.status < 500:
            return Outcome.REFUSED
        return Outcome.UNKNOWN

    @property
    def content(self) -> Content | None:
        """An order's, as the shop understands it; None if it is not valid."""
        try:
            order = Order.model_validate(self.payload)
        except ValidationError:
            return None
        return Content(order.item, order.qty, order.email)

    @property
    def mail(self) -> Mail | None:
        """A notification's, as the shop understands it; None if it is not valid."""
        try:
            notification = Notification.model_validate(self.payload)
        except ValidationError:
            return None
        return Mail.of(notification.email, notification.message)

    def as_json(self) -> dict[str, Any]:
        return {
            "send": self.send,
            "at_ms": self.at_ms,
            "payload": dict(self.payload),
            "status": self.status,
            "task_id": self.task_id,
        }


@dataclass(frozen=True, slots=True)
class OrderSends:
    """Every send of one order's id, in order of time."""

    sends: tuple[Send, ...]

    @property
    def accepted(self) -> list[Send]:
        return [send for send in self.sends if send.outcome is Outcome.ACCEPTED]

    @property
    def conflicts(self) -> list[Send]:
        """Refused because there was an order with other content: so there was one."""
        return [send for send in self.sends if send.status == CONFLICT]

    @property
    def may_exist(self) -> bool:
        return any(send.outcome is not Outcome.REFUSED for send in self.sends)

    @property
    def must_exist(self) -> bool:
        return bool(self.accepted or self.conflicts)

    @property
    def possible_contents(self) -> set[Content | None]:
        """What the order may be for: an order's content never changes once it is recorded.

        None stands for content that is not valid, which no order has.
        """
        if accepted := self.accepted:
            return {send.content for send in accepted}
        unknown = {send.content for send in self.sends if send.outcome is Outcome.UNKNOWN}
        return unknown - {send.content for send in self.conflicts}

    def as_json(self) -> list[dict[str, Any]]:
        return [send.as_json() for send in self.sends]


@dataclass(slots=True)
class Fault:
    """One fault, and the phases that it went through."""

    name: str
    fault: str
    phases: set[str] = field(default_factory=set)

    @property
    def took_hold(self) -> bool:
        return Phase.CONFIRMED in self.phases

    @property
    def healed(self) -> bool:
        return Phase.HEALED in self.phases


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which an observer may have missed something."""

    from_ms: int
    to_ms: int


@dataclass(slots=True)
class Evidence:
    """All of a history that the checkers ask for."""

    orders: dict[str, OrderSends] = field(default_factory=dict)
    notifications: list[Send] = field(default_factory=list)
    #: order id -> when stock was seen to be taken for it, ms.
    stock_taken: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    #: sku -> when its stock was seen to fall for no order, ms.
    stray_stock: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    #: order id -> SHA-256 of each invoice that was seen to be stored; None if it was not read.
    invoices_stored: dict[str, list[str | None]] = field(default_factory=lambda: defaultdict(list))
    mails: Counter[Mail] = field(default_factory=Counter)
    #: task id -> (task, deliveries).
    deliveries: dict[str, tuple[str, int]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    #: Observer -> since when it watched, ms.
    watching_since_ms: dict[str, int] = field(default_factory=dict)
    blind: dict[str, list[Window]] = field(default_factory=lambda: defaultdict(list))
    torn: bool = False

    @classmethod
    def of(cls, history: History) -> Self:
        evidence = cls(torn=history.torn)
        evidence._take_sends(history.events)
        faults: dict[tuple[str, str], Fault] = {}
        for event in history.events:
            match event.kind:
                case Kind.EFFECT:
                    evidence._take_effect(event)
                case Kind.DELIVERY:
                    evidence._take_delivery(event)
                case Kind.OBSERVER:
                    evidence._take_sight(event)
                case Kind.FAULT:
                    key = event.subject, event.data["fault"]
                    faults.setdefault(key, Fault(*key)).phases.add(event.data["phase"])
        evidence.faults = list(faults.values())
        return evidence

    @property
    def sends(self) -> list[Send]:
        """Of both kinds."""
        by_order = [send for sent in self.orders.values() for send in sent.sends]
        return [*by_order, *self.notifications]

    def _take_sends(self, events: Iterable[Event]) -> None:
        requests: dict[str, Event] = {}
        answers: dict[str, Mapping[str, Any]] = {}
        for event in events:
            if event.kind is Kind.REQUEST:
                requests[event.data["send"]] = event
            elif event.kind is Kind.ANSWER:
                answers[event.data["send"]] = event.data
        orders: dict[str, list[Send]] = defaultdict(list)
        for name, request in requests.items():
            # A request without an answer is one whose sender was ended: its outcome is unknown.
            answer = answers.get(name, {})
            send = Send(
                send=name,
                at_ms=request.at_ms,
                operation=Operation(request.data["operation"]),
                subject=request.subject,
                payload=request.data["payload"],
                status=answer.get("status"),
                task_id=answer.get("task_id"),
            )
            if send.operation is Operation.ORDER:
                orders[send.subject].append(send)
            else:
                self.notifications.append(send)
        self.orders = {order_id: OrderSends(tuple(sends)) for order_id, sends in orders.items()}

    def _take_effect(self, event: Event) -> None:
        match event.data["effect"]:
            case Effect.STOCK_TAKEN if event.subject:
                self.stock_taken[event.subject].append(event.at_ms)
            case Effect.STOCK_TAKEN:
                self.stray_stock[event.data["sku"]].append(event.at_ms)
            case Effect.INVOICE_STORED:
                self.invoices_stored[event.subject].append(event.data["sha256"])
            case Effect.MAIL_DELIVERED:
                self.mails[Mail.of(event.subject, event.data["text"])] += 1

    def _take_delivery(self, event: Event) -> None:
        _, before = self.deliveries.get(event.subject, ("", 0))
        count = max(before, event.data["deliveries"])
        self.deliveries[event.subject] = event.data["task"], count

    def _take_sight(self, event: Event) -> None:
        if event.data["sight"] == Sight.WATCHING:
            self.watching_since_ms.setdefault(event.subject, event.at_ms)
        else:
            window = Window(event.data["from_ms"], event.data["to_ms"])
            self.blind[event.subject].append(window)
