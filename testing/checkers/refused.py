"""What the shop has to take was refused."""

from collections.abc import Iterator

from testing.checkers.evidence import CONFLICT, Evidence, Outcome, Send
from testing.checkers.violation import Check, Expectations, Violation, violation
from testing.final_state import FinalState
from testing.history import Operation


def check_wrongly_refused(
    evidence: Evidence, _: FinalState, __: Expectations
) -> Iterator[Violation]:
    """Each send that is valid, and was refused as if it were not.

    Who is told 4xx does not send it again: whatever it was, it is lost to the customer.
    """
    for send in evidence.sends:
        if send.outcome is Outcome.REFUSED and send.is_valid and not _may_conflict(send):
            name = send.subject if send.operation is Operation.ORDER else send.send
            yield violation(
                Check.WRONGLY_REFUSED,
                f"{send.operation} {name}",
                f"is valid, and was answered {send.status}",
                sent=send.as_json(),
            )


def _may_conflict(send: Send) -> bool:
    """Whether it was refused for an order of its id that is there; others judge if there is one.

    Notifications have no ids of their own, and nothing to conflict with.
    """
    return send.operation is Operation.ORDER and send.status == CONFLICT
