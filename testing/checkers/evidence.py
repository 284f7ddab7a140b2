"""The history by subject: who sent what, what was answered, what was seen to take effect."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Self, TypeVar

from pydantic import ValidationError

from shop.domain.notification import Notification
from shop.domain.order import Order
from testing.history import Effect, Event, History, Kind, Operation, Phase, Sight

K = TypeVar("K")
V = TypeVar("V")

PLACED = 202
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
    answered_at_ms: int | None = None

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

    @property
    def is_valid(self) -> bool:
        """Whether the shop's own model takes it."""
        wanted = self.content if self.operation is Operation.ORDER else self.mail
        return wanted is not None

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
    def placings(self) -> set[str | None]:
        """The tasks of the sends that were accepted as new: one, if all is well."""
        return {send.task_id for send in self.accepted if send.status == PLACED}

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


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, and the phases that it went through."""

    name: str
    #: Tells two of the same name apart.
    fault: str
    phases: frozenset[str]

    @property
    def took_hold(self) -> bool:
        return Phase.CONFIRMED in self.phases

    @property
    def healed(self) -> bool:
        return Phase.HEALED in self.phases


@dataclass(frozen=True, slots=True)
class Delivered:
    """How often a task was started."""

    task: str
    deliveries: int


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which an observer may have missed something."""

    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of a history that the checkers ask for."""

    #: By order id.
    orders: Mapping[str, OrderSends]
    notifications: Sequence[Send]
    #: order id -> when stock was seen to be taken for it, ms.
    stock_taken: Mapping[str, Sequence[int]]
    #: sku -> when its stock was seen to fall for no order, ms.
    stray_stock: Mapping[str, Sequence[int]]
    #: order id -> SHA-256 of each invoice that was seen to be stored; None if it was not read.
    invoices_stored: Mapping[str, Sequence[str | None]]
    mails: Counter[Mail]
    #: By task id.
    deliveries: Mapping[str, Delivered]
    faults: Sequence[Fault]
    #: Observer -> since when it watched, ms.
    watching_since_ms: Mapping[str, int]
    #: By observer.
    blind: Mapping[str, Sequence[Window]]
    #: Whether the history's last line was cut off.
    torn: bool

    @property
    def sends(self) -> list[Send]:
        """Of both kinds."""
        by_order = [send for sent in self.orders.values() for send in sent.sends]
        return [*by_order, *self.notifications]


def gather(history: History) -> Evidence:
    """Raises `KeyError` for an event that lacks what its kind needs."""
    by_kind: dict[Kind, list[Event]] = {kind: [] for kind in Kind}
    for event in history.events:
        by_kind[event.kind].append(event)
    sends = _sends(by_kind[Kind.REQUEST], by_kind[Kind.ANSWER])
    orders = [send for send in sends if send.operation is Operation.ORDER]
    effects = [(Effect(event.data["effect"]), event) for event in by_kind[Kind.EFFECT]]
    stock = [event for effect, event in effects if effect is Effect.STOCK_TAKEN]
    invoices = [event for effect, event in effects if effect is Effect.INVOICE_STORED]
    mails = [event for effect, event in effects if effect is Effect.MAIL_DELIVERED]
    sights = by_kind[Kind.OBSERVER]
    return Evidence(
        orders={
            order_id: OrderSends(tuple(sent))
            for order_id, sent in _grouped((send.subject, send) for send in orders).items()
        },
        notifications=[send for send in sends if send.operation is Operation.NOTIFICATION],
        stock_taken=_grouped((event.subject, event.at_ms) for event in stock if event.subject),
        stray_stock=_grouped(
            (event.data["sku"], event.at_ms) for event in stock if not event.subject
        ),
        invoices_stored=_grouped((event.subject, event.data["sha256"]) for event in invoices),
        mails=Counter(Mail.of(event.subject, event.data["text"]) for event in mails),
        deliveries=_deliveries(by_kind[Kind.DELIVERY]),
        faults=_faults(by_kind[Kind.FAULT]),
        watching_since_ms={
            # The earliest stands: it is set last.
            event.subject: event.at_ms
            for event in reversed(sights)
            if event.data["sight"] == Sight.WATCHING
        },
        blind=_grouped(
            (event.subject, Window(event.data["from_ms"], event.data["to_ms"]))
            for event in sights
            if event.data["sight"] == Sight.BLIND
        ),
        torn=history.torn,
    )


def _sends(requests: Iterable[Event], answers: Iterable[Event]) -> list[Send]:
    # A request without an answer is one whose sender was ended: its outcome is unknown.
    answered = {event.data["send"]: event for event in answers}
    return [_send(request, answered.get(request.data["send"])) for request in requests]


def _send(request: Event, answer: Event | None) -> Send:
    said: Mapping[str, Any] = answer.data if answer else {}
    return Send(
        send=request.data["send"],
        at_ms=request.at_ms,
        operation=Operation(request.data["operation"]),
        subject=request.subject,
        payload=request.data["payload"],
        status=said.get("status"),
        task_id=said.get("task_id"),
        answered_at_ms=answer.at_ms if answer else None,
    )


def _deliveries(events: Iterable[Event]) -> dict[str, Delivered]:
    found: dict[str, Delivered] = {}
    for event in events:
        before = found.get(event.subject, Delivered("", 0))
        count = max(before.deliveries, event.data["deliveries"])
        found[event.subject] = Delivered(event.data["task"], count)
    return found


def _faults(events: Iterable[Event]) -> list[Fault]:
    phases = _grouped(
        ((event.subject, event.data["fault"]), event.data["phase"]) for event in events
    )
    return [Fault(name, fault, frozenset(seen)) for (name, fault), seen in phases.items()]


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    groups: dict[K, list[V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups
