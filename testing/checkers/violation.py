"""What a checker finds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from enum import StrEnum
from typing import Any


class Check(StrEnum):
    """Each promise that a run can break, by the name of its checker."""

    #: Accepted, and never finished.
    LOST = "lost"
    #: Stock was taken for an order more than once.
    DUPLICATE_EFFECT = "duplicate_effect"
    #: More was sold than there was.
    OVERSOLD = "oversold"
    #: Processed, and no invoice.
    MISSING_INVOICE = "missing_invoice"
    #: An invoice was replaced by another.
    DOUBLE_INVOICE = "double_invoice"
    #: Something took effect that nobody had asked for and been granted.
    UNEXPECTED_EFFECT = "unexpected_effect"
    #: What the shop has to take was refused.
    WRONGLY_REFUSED = "wrongly_refused"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise."""

    check: Check
    #: What it was broken for: `order 1001`, `notification <task id>`, `stock SKU-1`, `mail to ...`.
    subject: str
    #: One line for people.
    what: str
    #: What it is concluded from, as JSON has it.
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "check": self.check.value,
            "subject": self.subject,
            "what": self.what,
            "evidence": dict(self.evidence),
        }


def violation(check: Check, subject: str, what: str, **evidence: Any) -> Violation:
    """Evidence may be given as the dataclasses that it was read into."""
    return Violation(
        check, subject, what, {name: _plain(value) for name, value in evidence.items()}
    )


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


@dataclass(frozen=True, slots=True)
class Expectations:
    """What the run was meant to be; the checkers take nothing else for granted."""

    #: Observers without which nothing can be concluded: see `testing.history.Observer`.
    observers: frozenset[str] = frozenset({"store", "mail"})
    #: fault name -> how often it must have taken hold at least.
    faults: Mapping[str, int] = field(default_factory=dict)
    #: Whether customers were to hear of their orders.
    order_notifications: bool = True
    #: Whether work may end in `orders:dead` or `notifications:dead`, as with a poison task.
    may_give_up: bool = False
