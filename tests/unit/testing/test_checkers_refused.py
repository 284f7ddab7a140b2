"""What the shop has to take is not refused; what it need not take may be."""

import pytest

from testing.checkers import Check, Verdict
from tests.unit.testing.made_up import MadeUpRun, something_of_everything

WRONG = [400, 401, 404, 413, 422, 429]


@pytest.fixture
def run() -> MadeUpRun:
    return something_of_everything()


@pytest.mark.parametrize("status", WRONG)
def test_an_order(run: MadeUpRun, status: int) -> None:
    run.send("refused", status=status)

    violation = run.only(Check.WRONGLY_REFUSED)
    assert violation.subject == "order refused"
    assert violation.what == f"is valid, and was answered {status}"
    assert run.judged().reasons == ("wrongly_refused: 1",)


def test_one_that_was_accepted_before(run: MadeUpRun) -> None:
    run.send("processed", status=422)

    assert run.only(Check.WRONGLY_REFUSED).subject == "order processed"


@pytest.mark.parametrize("status", [*WRONG, 409])
def test_a_notification(run: MadeUpRun, status: int) -> None:
    run.notify("Refused", status=status)

    assert "notification" in run.only(Check.WRONGLY_REFUSED).subject


def test_each_send_counts(run: MadeUpRun) -> None:
    for number in range(50):
        run.send(f"refused-{number}", status=422)

    assert run.judged().reasons == ("wrongly_refused: 50",)


def test_an_order_that_conflicts(run: MadeUpRun) -> None:
    run.send("processed", qty=3, status=409)

    assert run.judged().verdict is Verdict.VALID


@pytest.mark.parametrize("status", [413, 422])
def test_what_is_not_valid(run: MadeUpRun, status: int) -> None:
    run.send("refused", qty=0, status=status)
    run.send("refused", email="no address", status=status)
    run.notify("", status=status)

    assert run.judged().verdict is Verdict.VALID


@pytest.mark.parametrize("status", [None, 500, 503])
def test_what_was_not_refused(run: MadeUpRun, status: int | None) -> None:
    run.send("unconfirmed", status=status)
    run.notify("Unconfirmed", status=status)

    assert run.judged().verdict is Verdict.VALID
