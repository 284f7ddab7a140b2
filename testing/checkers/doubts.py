"""Why a run without a violation may still show nothing."""

from collections import Counter
from collections.abc import Iterator

from shop.domain.order import OrderStatus
from testing.checkers.evidence import Evidence, Outcome
from testing.checkers.violation import Expectations
from testing.final_state import FinalState
from testing.history import Observer

#: The server's and the observer's stamps are of one machine, but not taken at the same time.
STAMP_SLACK_MS = 1_000


def doubts(evidence: Evidence, final: FinalState, expected: Expectations) -> Iterator[str]:
    """One line each."""
    if evidence.torn:
        yield "the history's last line is cut off: its writer was ended, and more may be missing"
    yield from _nothing_happened(evidence)
    yield from _faults(evidence, expected)
    yield from _not_drained(final)
    for observer in sorted(expected.observers - set(evidence.watching_since_ms)):
        yield f"nobody watched the {observer}: what took effect twice there could not be seen"
    if Observer.STORE in evidence.watching_since_ms:
        yield from _unseen_effects(evidence, final)


def _nothing_happened(evidence: Evidence) -> Iterator[str]:
    if not any(send.outcome is Outcome.ACCEPTED for send in evidence.sends):
        yield "nothing happened: no request was accepted"
    elif not evidence.deliveries:
        yield "nothing happened: no task is known to have been started"


def _faults(evidence: Evidence, expected: Expectations) -> Iterator[str]:
    for fault in evidence.faults:
        if not fault.took_hold:
            yield f"the fault {fault.name} ({fault.fault}) did not take hold"
        if not fault.healed:
            yield f"the fault {fault.name} ({fault.fault}) was never healed"
    held = Counter(fault.name for fault in evidence.faults if fault.took_hold)
    for name, least in expected.faults.items():
        if held[name] < least:
            yield f"the fault {name} took hold {held[name]} times, and was to {least} times"


def _not_drained(final: FinalState) -> Iterator[str]:
    for what, still_open in (
        ("orders", final.orders_open),
        ("notifications", final.notifications_open),
    ):
        if still_open:
            yield f"not drained: {len(still_open)} {what} are still open"


def _unseen_effects(evidence: Evidence, final: FinalState) -> Iterator[str]:
    """Effects that there were, that nobody saw, and that no blind window accounts for.

    What an observer misses once it may miss twice. Stock needs it less than invoices: a unit
    that was taken twice is missing from the sum.
    """
    windows = evidence.blind.get(Observer.STORE, ())
    since_ms = evidence.watching_since_ms[Observer.STORE]
    stock = invoices = 0
    for order in final.orders.values():
        if order.status != OrderStatus.PROCESSED:
            continue
        at_ms = order.processed_at_ms or since_ms
        if order.order_id not in evidence.stock_taken and not any(
            window.from_ms - STAMP_SLACK_MS <= at_ms <= window.to_ms + STAMP_SLACK_MS
            for window in windows
        ):
            stock += 1
        # The invoice came later, nobody knows when.
        if (
            order.order_id in final.invoices
            and order.order_id not in evidence.invoices_stored
            and not any(window.to_ms + STAMP_SLACK_MS >= at_ms for window in windows)
        ):
            invoices += 1
    if stock or invoices:
        yield (
            f"unseen, though the store was watched: stock taken for {stock} orders, "
            f"{invoices} invoices stored"
        )
