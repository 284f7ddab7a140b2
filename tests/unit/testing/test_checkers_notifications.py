"""Notifications and mails that nobody asked for, or that come more often than they may."""

import pytest

from testing.checkers import Check, Verdict
from testing.history import Kind, Observer
from tests.builders import ANN
from tests.unit.testing.made_up import BEA, START_MS, MadeUpRun, something_of_everything


@pytest.fixture
def run() -> MadeUpRun:
    return something_of_everything()


class TestUnexpectedNotification:
    def test_never_sent(self, run: MadeUpRun) -> None:
        run.deliver("task-of-nobody", BEA, "Buy now")

        assert run.only(Check.UNEXPECTED_EFFECT).subject == "notification task-of-nobody"

    def test_a_mail_never_sent(self, run: MadeUpRun) -> None:
        run.see_mail(BEA, "Buy now")

        assert run.only(Check.UNEXPECTED_EFFECT).subject == f"mail to {BEA}"

    @pytest.mark.parametrize("status", [413, 422])
    def test_one_that_was_refused(self, run: MadeUpRun, status: int) -> None:
        run.notify("Refused", email="no address", status=status)
        run.see_mail(ANN, "Refused")

        assert run.only(Check.UNEXPECTED_EFFECT).subject == f"mail to {ANN}"

    def test_content_other_than_accepted(self, run: MadeUpRun) -> None:
        run.deliver("task-hello", ANN, "Goodbye")

        assert run.only(Check.UNEXPECTED_EFFECT).subject == "notification task-hello"

    def test_two_records_of_one_send_that_nobody_confirmed(self, run: MadeUpRun) -> None:
        run.notify("Perhaps", status=None)
        run.deliver("task-1", ANN, "Perhaps")
        assert run.judged().verdict is Verdict.VALID

        run.deliver("task-2", ANN, "Perhaps")

        assert run.only(Check.UNEXPECTED_EFFECT).subject == "notification task-2"

    def test_an_order_whose_customer_is_told_the_wrong_outcome(self, run: MadeUpRun) -> None:
        message = "Your order processed failed: we do not sell SKU-1."
        run.deliver("notice-of-processed", ANN, message)

        assert run.only(Check.UNEXPECTED_EFFECT).subject == "notification notice-of-processed"


class TestNotificationSaidAgain:
    """The record of an order's notice, a second time under another task."""

    @pytest.mark.parametrize("order_id", ["processed", "unknown-item", "too-many"])
    def test_it_says_what_is_due(self, run: MadeUpRun, order_id: str) -> None:
        due = run.notifications[f"notice-of-{order_id}"]
        run.deliver("another", due.email, due.message)

        violation = run.only(Check.UNEXPECTED_EFFECT)
        assert violation.subject == "notification another"
        assert "another has said already" in violation.what

    def test_wherever_it_stands(self, run: MadeUpRun) -> None:
        due = run.notifications["notice-of-processed"]
        run.deliver("another", due.email, due.message)
        run.notifications = {"another": run.notifications.pop("another"), **run.notifications}

        assert run.only(Check.UNEXPECTED_EFFECT).subject == "notification another"

    def test_its_mails_count_as_repeated(self, run: MadeUpRun) -> None:
        due = run.notifications["notice-of-processed"]
        for task_id in ("another", "and-another"):
            run.deliver(task_id, due.email, due.message)

        judged = run.judged()
        assert len(judged.of(Check.UNEXPECTED_EFFECT)) == 2
        assert judged.duplicates.mails == 2

    def test_what_it_said_before_it_was_taken_up_again(self, run: MadeUpRun) -> None:
        """Sound: it had failed, and is processed now."""
        run.deliver(
            "earlier", ANN, "Your order processed failed: we do not have 2 x SKU-1 in stock."
        )

        judged = run.judged()
        assert (judged.verdict, judged.duplicates.mails) == (Verdict.VALID, 0)

    def test_what_it_said_before_comes_twice(self, run: MadeUpRun) -> None:
        text = "Your order processed failed: we do not have 2 x SKU-1 in stock."
        run.deliver("earlier", ANN, text)
        run.deliver("earlier-still", ANN, text)

        violation = run.only(Check.UNEXPECTED_EFFECT)
        assert violation.subject == "notification earlier-still"
        assert run.judged().duplicates.mails == 1

    def test_one_that_nobody_sent_is_no_repetition(self, run: MadeUpRun) -> None:
        run.deliver("task-of-nobody", BEA, "Buy now")

        assert run.judged().duplicates.mails == 0


class TestMailWithoutAStart:
    def started(self, run: MadeUpRun, task_id: str, times: int) -> None:
        run.deliveries(task_id, "send_notification", count=times)

    def mailed_again(self, run: MadeUpRun, times: int) -> None:
        for _ in range(times):
            run.see_mail(ANN, "Hello")

    def test_as_often_as_its_task_was_started(self, run: MadeUpRun) -> None:
        """Sound: delivery is at least once."""
        self.mailed_again(run, 2)
        self.started(run, "task-hello", 3)

        judged = run.judged()
        assert (judged.verdict, judged.duplicates.mails) == (Verdict.VALID, 2)

    def test_once_more_than_that(self, run: MadeUpRun) -> None:
        self.mailed_again(run, 3)
        self.started(run, "task-hello", 3)

        violation = run.only(Check.UNEXPECTED_EFFECT)
        assert violation.subject == f"mail to {ANN}"
        assert violation.what == "came 4 times, and was begun 3 times"

    def test_notifications_that_are_alike_share_their_starts(self, run: MadeUpRun) -> None:
        run.notify("Hello", task_id="task-too")
        self.mailed_again(run, 1)
        self.started(run, "task-too", 2)
        assert run.judged().verdict is Verdict.VALID

        self.mailed_again(run, 1)

        assert "came 4 times" in run.only(Check.UNEXPECTED_EFFECT).what

    def test_a_store_that_died_may_have_forgotten_one(self, run: MadeUpRun) -> None:
        run.history.blind(Observer.STORE, START_MS, START_MS + 1)
        self.mailed_again(run, 1)
        assert run.judged().verdict is Verdict.VALID

        self.mailed_again(run, 1)

        assert "came 3 times" in run.only(Check.UNEXPECTED_EFFECT).what

    def test_and_a_send_that_nobody_confirmed(self, run: MadeUpRun) -> None:
        run.notify("Hello", status=None)
        self.mailed_again(run, 1)
        assert "came 2 times" in run.only(Check.UNEXPECTED_EFFECT).what

        run.history.blind(Observer.STORE, START_MS, START_MS + 1)
        self.mailed_again(run, 1)

        assert run.judged().verdict is Verdict.VALID

    def test_where_nobody_read_the_stamps(self, run: MadeUpRun) -> None:
        run.history.events = [
            event for event in run.history.events if event.kind is not Kind.DELIVERY
        ]

        assert run.judged().violations == ()
