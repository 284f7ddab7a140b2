"""How long after the last fault had healed what was accepted before that was finished."""

from collections.abc import Iterator
from dataclasses import dataclass

from testing.checkers.evidence import Evidence, Outcome, Send, gather
from testing.final_state import FinalState
from testing.history import Effect, History, Kind


@dataclass(frozen=True, slots=True)
class Finish:
    """One order or notification; below 0 it was finished before."""

    #: `order 1001`, `notification <task id>`.
    subject: str
    after_s: float


def finishes(history: History, final: FinalState, healed_ms: int) -> list[Finish]:
    """Of all that was accepted by then, the slowest first.

    What is not finished at all is missing here: the checkers call it lost.
    """
    evidence = gather(history)
    found = [
        Finish(subject, (finished_ms - healed_ms) / 1000)
        for subject, finished_ms in (
            *_orders(history, evidence, final, healed_ms),
            *_notifications(evidence, final, healed_ms),
        )
    ]
    return sorted(found, key=lambda finish: finish.after_s, reverse=True)


def _orders(
    history: History, evidence: Evidence, final: FinalState, by_ms: int
) -> Iterator[tuple[str, int]]:
    """With the invoice and the customer's mail, as far as they belong to it."""
    invoiced_ms = {
        event.subject: event.at_ms
        for event in history.events
        if event.kind is Kind.EFFECT and event.data["effect"] == Effect.INVOICE_STORED
    }
    for order_id, sent in evidence.orders.items():
        order = final.orders.get(order_id)
        if order is None or not any(_was_accepted(send, by_ms) for send in sent.sends):
            continue
        notice = final.notifications.get(order.notification_task_id or "")
        steps_ms = [
            order.processed_at_ms,
            # The task may have ended again long after its invoice was stored and seen.
            invoiced_ms.get(order_id, order.invoice_ended_at_ms),
            notice.closed_at_ms if notice else None,
        ]
        known_ms = [at_ms for at_ms in steps_ms if at_ms is not None]
        if known_ms:
            yield f"order {order_id}", max(known_ms)


def _notifications(evidence: Evidence, final: FinalState, by_ms: int) -> Iterator[tuple[str, int]]:
    for send in evidence.notifications:
        found = final.notifications.get(send.task_id or "")
        if found and found.closed_at_ms is not None and _was_accepted(send, by_ms):
            yield f"notification {found.task_id}", found.closed_at_ms


def _was_accepted(send: Send, by_ms: int) -> bool:
    return (
        send.outcome is Outcome.ACCEPTED
        and send.answered_at_ms is not None
        and send.answered_at_ms <= by_ms
    )
