"""Each checker finds its violation in a made-up run, and no other checker finds one there."""

from dataclasses import replace

import pytest

from shop.domain.order import Reason
from testing.checkers import Check, Expectations, Verdict, Violation
from testing.history import Effect
from tests.builders import ANN
from tests.unit.testing.made_up import BEA, MadeUpRun


@pytest.fixture
def run() -> MadeUpRun:
    """A run in which all went well: something of everything."""
    run = MadeUpRun(SKU_1=10, SKU_2=1)
    run.place("processed")
    run.place("unknown-item", item="NO-SUCH")
    run.place("too-many", item="SKU-2", qty=2)
    run.notify("Hello", task_id="task-hello")
    return run


def only(run: MadeUpRun, check: Check) -> Violation:
    """The one violation of the run, which must be this checker's."""
    judged = run.judged()
    assert judged.verdict is Verdict.INVALID
    (violation,) = judged.violations
    assert violation.check is check
    assert judged.counts.violations[check] == 1
    assert sum(judged.counts.violations.values()) == 1
    return violation


def test_a_run_in_which_all_went_well_is_valid(run: MadeUpRun) -> None:
    judged = run.judged()

    assert (judged.violations, judged.reasons) == ((), ())
    assert judged.verdict is Verdict.VALID


class TestLostOrder:
    def test_no_record(self, run: MadeUpRun) -> None:
        del run.orders["unknown-item"]

        assert only(run, Check.LOST).subject == "order unknown-item"

    def test_no_record_though_a_send_was_refused_as_conflicting(self, run: MadeUpRun) -> None:
        run.send("timed-out", status=None)
        run.send("timed-out", qty=3, status=409)

        violation = only(run, Check.LOST)
        assert violation.subject == "order timed-out"
        assert "conflicting" in violation.what

    def test_still_pending(self, run: MadeUpRun) -> None:
        run.undo("processed")

        violation = only(run, Check.LOST)
        assert violation.subject == "order processed"
        assert "still pending" in violation.what

    def test_pending_and_forgotten_though_its_placing_was_never_answered(
        self, run: MadeUpRun
    ) -> None:
        run.send("timed-out", status=None)
        run.work_on("timed-out")
        run.undo("timed-out")
        run.orders_open.clear()

        violation = only(run, Check.LOST)
        assert violation.subject == "order timed-out"
        assert "nobody will take it up" in violation.what

    def test_a_status_that_there_is_not(self, run: MadeUpRun) -> None:
        run.orders["too-many"] = replace(run.orders["too-many"], status="done")

        assert "'done'" in only(run, Check.LOST).what

    @pytest.mark.parametrize(
        ("order_id", "reason"),
        [
            ("too-many", "felt like it"),
            ("too-many", None),
            # It was in stock.
            ("too-many", Reason.UNKNOWN_ITEM),
            ("too-many", Reason.ATTEMPTS_EXHAUSTED),
        ],
    )
    def test_failed_for_no_good_reason(
        self, run: MadeUpRun, order_id: str, reason: str | None
    ) -> None:
        order = run.orders[order_id]
        run.orders[order_id] = replace(order, reason=reason)
        if reason == Reason.UNKNOWN_ITEM:
            message = f"Your order {order_id} failed: we do not sell {order.item}."
            run.deliver("notice-of-too-many", ANN, message)

        assert only(run, Check.LOST).subject == f"order {order_id}"

    def test_failed_for_lack_of_stock_that_there_was(self, run: MadeUpRun) -> None:
        run.initial_stock["SKU-2"] = 2
        run.stock["SKU-2"] = 2

        violation = only(run, Check.LOST)
        assert violation.subject == "order too-many"
        assert "enough all the time" in violation.what

    def test_accepted_as_new_again(self, run: MadeUpRun) -> None:
        run.send("processed", task_id="another")

        assert "more than once" in only(run, Check.LOST).what

    def test_given_up_unless_that_may_be(self, run: MadeUpRun) -> None:
        run.orders["too-many"] = replace(
            run.orders["too-many"], reason=Reason.ATTEMPTS_EXHAUSTED, notification_task_id=None
        )
        run.orders_dead.add("too-many")

        assert "given up" in only(run, Check.LOST).what
        assert run.judged(Expectations(may_give_up=True)).verdict is Verdict.VALID

    def test_the_stock_itself(self, run: MadeUpRun) -> None:
        del run.stock["SKU-1"]

        assert only(run, Check.LOST).subject == "stock SKU-1"


class TestLostNotification:
    def test_no_record(self, run: MadeUpRun) -> None:
        del run.notifications["task-hello"]

        violation = only(run, Check.LOST)
        assert violation.subject == "notification task-hello"
        assert violation.evidence["sent"]["payload"] == {"email": ANN, "message": "Hello"}

    @pytest.mark.parametrize("status", ["pending", "failed"])
    def test_not_delivered(self, run: MadeUpRun, status: str) -> None:
        run.notifications["task-hello"] = replace(run.notifications["task-hello"], status=status)

        assert only(run, Check.LOST).subject == "notification task-hello"

    def test_no_mail(self, run: MadeUpRun) -> None:
        run.forget_effects(Effect.MAIL_DELIVERED, of=ANN)
        for task_id, found in run.notifications.items():
            if task_id != "task-hello":
                run.see_mail(found.email, found.message)

        assert only(run, Check.LOST).subject == "notification task-hello"

    def test_one_mail_for_two_that_are_alike(self, run: MadeUpRun) -> None:
        run.notify("Alike", task_id="task-1")
        run.notify("Alike", task_id="task-2")
        assert run.judged().verdict is Verdict.VALID

        run.history.events.pop()

        violation = only(run, Check.LOST)
        assert violation.subject == "notification task-1, task-2"
        assert "of 2 mails 1 arrived" in violation.what

    def test_no_mail_is_no_loss_where_nobody_watches_mail(self, run: MadeUpRun) -> None:
        run.forget_effects(Effect.MAIL_DELIVERED)
        run.history.events = [event for event in run.history.events if event.subject != "mail"]

        judged = run.judged(Expectations(observers=frozenset({"store"})))

        assert judged.verdict is Verdict.VALID

    @pytest.mark.parametrize("order_id", ["processed", "too-many"])
    def test_a_customer_who_never_hears_of_an_order(self, run: MadeUpRun, order_id: str) -> None:
        run.orders[order_id] = replace(run.orders[order_id], notification_task_id=None)

        assert only(run, Check.LOST).subject == f"order {order_id}"
        quiet = Expectations(order_notifications=False)
        assert run.judged(quiet).verdict is Verdict.VALID

    def test_a_customer_whose_notice_was_never_sent(self, run: MadeUpRun) -> None:
        del run.notifications["notice-of-processed"]

        assert only(run, Check.LOST).subject == "order processed"


class TestDuplicateEffect:
    def test_stock_was_seen_to_be_taken_twice(self, run: MadeUpRun) -> None:
        run.history.effect(Effect.STOCK_TAKEN, "processed", sku="SKU-1")
        run.stock["SKU-1"] = 6

        violation = only(run, Check.DUPLICATE_EFFECT)
        assert violation.subject == "order processed"
        assert len(violation.evidence["taken_at_ms"]) == 2

    def test_it_was_taken_twice_and_nobody_saw(self, run: MadeUpRun) -> None:
        run.stock["SKU-1"] = 6

        violation = only(run, Check.DUPLICATE_EFFECT)
        assert violation.subject == "stock SKU-1"
        assert violation.what == "fell by 4, and 2 were sold"
        assert violation.evidence["account"]["sold_to"] == {"processed": 2}


class TestOversold:
    def test_the_stock_is_below_zero(self, run: MadeUpRun) -> None:
        run.send("one-too-many", qty=9)
        run.work_on("one-too-many", qty=9, in_stock=True)

        violation = only(run, Check.OVERSOLD)
        assert (violation.subject, violation.what) == ("stock SKU-1", "fell to -1")

    def test_more_was_sold_than_there_was(self, run: MadeUpRun) -> None:
        run.send("one-too-many", qty=9)
        run.work_on("one-too-many", qty=9, in_stock=True)
        run.stock["SKU-1"] = 0

        assert only(run, Check.OVERSOLD).what == "11 were sold, and there were 10"

    def test_sold_and_never_taken(self, run: MadeUpRun) -> None:
        run.stock["SKU-1"] = 10

        assert only(run, Check.OVERSOLD).what == "2 were sold, and the stock fell by 0"

    def test_what_was_never_in_stock(self, run: MadeUpRun) -> None:
        run.stock["SKU-NEW"] = 5
        run.place("new", item="SKU-NEW")

        assert only(run, Check.OVERSOLD).subject == "stock SKU-NEW"


class TestInvoices:
    def test_missing(self, run: MadeUpRun) -> None:
        del run.invoices["processed"]
        run.forget_effects(Effect.INVOICE_STORED)

        violation = only(run, Check.MISSING_INVOICE)
        assert violation.subject == "order processed"

    def test_stored_and_gone(self, run: MadeUpRun) -> None:
        del run.invoices["processed"]

        assert "is gone" in only(run, Check.MISSING_INVOICE).what

    def test_given_up(self, run: MadeUpRun) -> None:
        del run.invoices["processed"]
        reason = Reason.INVOICE_ATTEMPTS_EXHAUSTED
        run.orders["processed"] = replace(run.orders["processed"], reason=reason)
        run.orders_dead.add("processed")

        assert only(run, Check.MISSING_INVOICE).what == f"its invoice was given up: {reason}"

    def test_of_an_order_whose_placing_was_never_answered(self, run: MadeUpRun) -> None:
        run.send("timed-out", status=None)
        run.work_on("timed-out")
        del run.invoices["timed-out"]

        assert only(run, Check.MISSING_INVOICE).subject == "order timed-out"

    def test_two_that_differ(self, run: MadeUpRun) -> None:
        run.see_invoice("processed", "another-sha")

        violation = only(run, Check.DOUBLE_INVOICE)
        assert violation.subject == "order processed"
        assert violation.evidence["stored"] == ["sha-of-processed", "another-sha"]

    def test_replaced_while_nobody_saw(self, run: MadeUpRun) -> None:
        run.invoices["processed"] = "another-sha"

        assert only(run, Check.DOUBLE_INVOICE).evidence["kept"] == "another-sha"


class TestUnexpectedOrder:
    def test_never_sent(self, run: MadeUpRun) -> None:
        run.work_on("from-nowhere")

        violation = only(run, Check.UNEXPECTED_EFFECT)
        assert violation.subject == "order from-nowhere"
        assert violation.evidence["record"]["item"] == "SKU-1"

    @pytest.mark.parametrize("status", [409, 413, 422])
    def test_refused_at_every_send(self, run: MadeUpRun, status: int) -> None:
        run.send("refused", status=status)
        run.send("refused", status=status)
        run.work_on("refused")

        violation = only(run, Check.UNEXPECTED_EFFECT)
        assert violation.subject == "order refused"
        assert "refused at every send" in violation.what

    def test_an_invoice_for_an_order_never_sent(self, run: MadeUpRun) -> None:
        run.see_invoice("from-nowhere", "sha")

        assert only(run, Check.UNEXPECTED_EFFECT).subject == "order from-nowhere"

    def test_an_invoice_without_a_record(self, run: MadeUpRun) -> None:
        run.send("timed-out", status=None)
        run.invoices["timed-out"] = "sha"

        assert "no record" in only(run, Check.UNEXPECTED_EFFECT).what

    def test_content_that_was_never_sent(self, run: MadeUpRun) -> None:
        run.send("changed", qty=1)
        run.work_on("changed", qty=3)

        assert only(run, Check.UNEXPECTED_EFFECT).subject == "order changed"

    def test_the_content_of_a_conflicting_send_that_was_refused(self, run: MadeUpRun) -> None:
        run.send("changed", email=ANN)
        run.send("changed", email=BEA, status=409)
        run.work_on("changed", email=BEA)

        assert "refused as conflicting" in only(run, Check.UNEXPECTED_EFFECT).what

    def test_the_refused_content_of_an_order_that_nobody_confirmed(self, run: MadeUpRun) -> None:
        run.send("changed", email=ANN, status=503)
        run.send("changed", email=BEA, status=409)
        run.work_on("changed", email=BEA)

        assert "refused as conflicting" in only(run, Check.UNEXPECTED_EFFECT).what

    def test_different_contents_accepted(self, run: MadeUpRun) -> None:
        run.send("changed", email=ANN)
        run.send("changed", email=BEA, status=200)
        run.work_on("changed", email=ANN)

        assert "different contents" in only(run, Check.UNEXPECTED_EFFECT).what

    def test_a_repetition_refused_as_conflicting(self, run: MadeUpRun) -> None:
        run.send("processed", status=409)

        assert "with itself" in only(run, Check.UNEXPECTED_EFFECT).what

    def test_a_repetition_told_of_another_task(self, run: MadeUpRun) -> None:
        run.send("processed", status=200, task_id="another")

        assert "another" in only(run, Check.UNEXPECTED_EFFECT).what

    def test_invalid_content_accepted(self, run: MadeUpRun) -> None:
        run.send("negative", qty=-1)
        run.work_on("negative", qty=1)

        assert only(run, Check.UNEXPECTED_EFFECT).subject == "order negative"

    def test_an_invoice_for_a_failed_order(self, run: MadeUpRun) -> None:
        run.invoices["too-many"] = "sha"

        assert "has an invoice" in only(run, Check.UNEXPECTED_EFFECT).what

    def test_stock_taken_for_a_failed_order(self, run: MadeUpRun) -> None:
        run.history.effect(Effect.STOCK_TAKEN, "too-many", sku="SKU-2")

        assert "stock was taken" in only(run, Check.UNEXPECTED_EFFECT).what

    def test_stock_that_fell_for_no_order(self, run: MadeUpRun) -> None:
        run.history.effect(Effect.STOCK_TAKEN, "", sku="SKU-1")

        assert only(run, Check.UNEXPECTED_EFFECT).subject == "stock SKU-1"


class TestUnexpectedNotification:
    def test_never_sent(self, run: MadeUpRun) -> None:
        run.deliver("task-of-nobody", BEA, "Buy now")

        assert only(run, Check.UNEXPECTED_EFFECT).subject == "notification task-of-nobody"

    def test_a_mail_never_sent(self, run: MadeUpRun) -> None:
        run.see_mail(BEA, "Buy now")

        assert only(run, Check.UNEXPECTED_EFFECT).subject == f"mail to {BEA}"

    @pytest.mark.parametrize("status", [413, 422])
    def test_one_that_was_refused(self, run: MadeUpRun, status: int) -> None:
        run.notify("Refused", status=status)
        run.see_mail(ANN, "Refused")

        assert only(run, Check.UNEXPECTED_EFFECT).subject == f"mail to {ANN}"

    def test_content_other_than_accepted(self, run: MadeUpRun) -> None:
        run.deliver("task-hello", ANN, "Goodbye")

        assert only(run, Check.UNEXPECTED_EFFECT).subject == "notification task-hello"

    def test_two_records_of_one_send_that_nobody_confirmed(self, run: MadeUpRun) -> None:
        run.notify("Perhaps", status=None)
        run.deliver("task-1", ANN, "Perhaps")
        assert run.judged().verdict is Verdict.VALID

        run.deliver("task-2", ANN, "Perhaps")

        assert only(run, Check.UNEXPECTED_EFFECT).subject == "notification task-2"

    def test_an_order_whose_customer_is_told_the_wrong_outcome(self, run: MadeUpRun) -> None:
        message = "Your order processed failed: we do not sell SKU-1."
        run.deliver("notice-of-processed", ANN, message)

        assert only(run, Check.UNEXPECTED_EFFECT).subject == "notification notice-of-processed"
