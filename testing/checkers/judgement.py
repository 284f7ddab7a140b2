"""From a history and the state after it to a verdict."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from shop.domain.order import OrderStatus
from testing.checkers.doubts import doubts
from testing.checkers.duplicate_effect import check_duplicate_effect
from testing.checkers.evidence import Evidence, Outcome, gather
from testing.checkers.invoices import check_double_invoice, check_missing_invoice
from testing.checkers.lost import check_lost
from testing.checkers.notifications import account_for
from testing.checkers.oversold import check_oversold
from testing.checkers.refused import check_wrongly_refused
from testing.checkers.unexpected_effect import check_unexpected_effect
from testing.checkers.violation import Check, Expectations, Violation
from testing.final_state import FinalState
from testing.history import History

Checker = Callable[[Evidence, FinalState, Expectations], Iterator[Violation]]

CHECKERS: Mapping[Check, Checker] = {
    Check.LOST: check_lost,
    Check.DUPLICATE_EFFECT: check_duplicate_effect,
    Check.OVERSOLD: check_oversold,
    Check.MISSING_INVOICE: check_missing_invoice,
    Check.DOUBLE_INVOICE: check_double_invoice,
    Check.UNEXPECTED_EFFECT: check_unexpected_effect,
    Check.WRONGLY_REFUSED: check_wrongly_refused,
}

DEFAULT_EXPECTATIONS = Expectations()


class Verdict(StrEnum):
    """What a run has shown."""

    #: Every promise was kept, and the run could have shown otherwise.
    VALID = "valid"
    #: A promise was broken.
    INVALID = "invalid"
    #: No promise is known to be broken, and the run does not show that all were kept.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Counts:
    """How much happened."""

    #: By what the answer said: accepted, refused, unknown.
    order_sends: Mapping[str, int]
    notification_sends: Mapping[str, int]
    #: Distinct ids.
    orders_sent: int
    orders_accepted: int
    #: By status at the end; a failed order by its reason.
    orders: Mapping[str, int]
    invoices: int
    #: By status at the end; those about orders included.
    notifications: Mapping[str, int]
    mails: int
    #: Faults that took hold, by name.
    faults: Mapping[str, int]
    #: Violations, by checker; a checker that found none is there with 0.
    violations: Mapping[str, int]
    #: How long observers may have missed something, ms, by observer.
    blind_ms: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What came more than once and may: delivery is at least once."""

    #: Starts of a task beyond its first, by task name.
    deliveries: Mapping[str, int]
    #: Tasks that were started more than once.
    tasks: int
    #: Mails beyond one for each notification that was asked for.
    mails: int
    #: Invoices that were stored again with the same bytes.
    invoices: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, and all that it rests on."""

    verdict: Verdict
    #: Why the verdict is not `valid`; violations first.
    reasons: tuple[str, ...]
    violations: tuple[Violation, ...]
    counts: Counts
    duplicates: Duplicates

    def of(self, check: Check) -> list[Violation]:
        """What one checker found."""
        return [violation for violation in self.violations if violation.check is check]

    def as_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict.value,
            "reasons": list(self.reasons),
            "violations": [violation.as_json() for violation in self.violations],
            "counts": asdict(self.counts),
            "duplicates": asdict(self.duplicates),
        }


def judge(
    history: History, final: FinalState, expected: Expectations = DEFAULT_EXPECTATIONS
) -> Judgement:
    """Broken promises make a run invalid, however doubtful the rest of it is."""
    evidence = gather(history)
    found = {check: list(run(evidence, final, expected)) for check, run in CHECKERS.items()}
    violations = tuple(violation for of_check in found.values() for violation in of_check)
    broken = [f"{check}: {len(of_check)}" for check, of_check in found.items() if of_check]
    doubtful = list(doubts(evidence, final, expected))
    verdict = Verdict.VALID
    if doubtful:
        verdict = Verdict.UNKNOWN
    if violations:
        verdict = Verdict.INVALID
    return Judgement(
        verdict=verdict,
        reasons=(*broken, *doubtful),
        violations=violations,
        counts=_counts(evidence, final, {check: len(of) for check, of in found.items()}),
        duplicates=_duplicates(evidence, final),
    )


def _counts(evidence: Evidence, final: FinalState, violations: Mapping[Check, int]) -> Counts:
    sends_of_orders = [send for sent in evidence.orders.values() for send in sent.sends]
    fates = Counter(
        f"{order.status}: {order.reason}" if order.status == OrderStatus.FAILED else order.status
        for order in final.orders.values()
    )
    return Counts(
        order_sends=_by_value(send.outcome for send in sends_of_orders),
        notification_sends=_by_value(send.outcome for send in evidence.notifications),
        orders_sent=len(evidence.orders),
        orders_accepted=sum(bool(sent.accepted) for sent in evidence.orders.values()),
        orders=dict(fates),
        invoices=len(final.invoices),
        notifications=dict(Counter(found.status for found in final.notifications.values())),
        mails=evidence.mails.total(),
        faults=dict(Counter(fault.name for fault in evidence.faults if fault.took_hold)),
        violations={check.value: count for check, count in violations.items()},
        blind_ms={
            observer: sum(window.to_ms - window.from_ms for window in windows)
            for observer, windows in evidence.blind.items()
        },
    )


def _duplicates(evidence: Evidence, final: FinalState) -> Duplicates:
    again: Counter[str] = Counter()
    for delivered in evidence.deliveries.values():
        again[delivered.task] += delivered.deliveries - 1
    return Duplicates(
        deliveries=dict(+again),
        tasks=sum(delivered.deliveries > 1 for delivered in evidence.deliveries.values()),
        mails=(evidence.mails - account_for(evidence, final).owed).total(),
        invoices=sum(
            len(stored) - max(1, len({digest for digest in stored if digest}))
            for stored in evidence.invoices_stored.values()
        ),
    )


def _by_value(outcomes: Iterator[Outcome]) -> dict[str, int]:
    return {outcome.value: count for outcome, count in Counter(outcomes).items()}
