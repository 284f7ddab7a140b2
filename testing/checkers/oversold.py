"""More was sold than there was."""

from collections.abc import Iterator

from testing.checkers.evidence import Evidence
from testing.checkers.stock import accounts
from testing.checkers.violation import Check, Expectations, Violation, violation
from testing.final_state import FinalState


def check_oversold(_: Evidence, final: FinalState, __: Expectations) -> Iterator[Violation]:
    """Also what was sold and never taken from the stock: it will be sold a second time."""
    for account in accounts(final):
        if account.left < 0:
            what = f"fell to {account.left}"
        elif account.sold > account.initial:
            what = f"{account.sold} were sold, and there were {account.initial}"
        elif account.sold > account.taken:
            what = f"{account.sold} were sold, and the stock fell by {account.taken}"
        else:
            continue
        yield violation(Check.OVERSOLD, f"stock {account.sku}", what, account=account.as_json())
