"""Each checker finds its violation in a made-up run, and no other checker finds one there."""

from dataclasses import replace

import pytest

from shop.domain.order import Reason
from testing.checkers import Check, Expectations, Verdict
from testing.history import Effect
from tests.builders import ANN
from tests.unit.testing.made_up import MadeUpRun, something_of_everything


@pytest.fixture
def run() -> MadeUpRun:
    return something_of_everything()


def test_a_run_in_which_all_went_well_is_valid(run: MadeUpRun) -> None:
    judged = run.judged()

    assert (judged.violations, judged.reasons) == ((), ())
    assert judged.verdict is Verdict.VALID


class TestLostOrder:
    def test_no_record(self, run: MadeUpRun) -> None:
        del run.orders["unknown-item"]

        assert run.only(Check.LOST).subject == "order unknown-item"

    def test_no_record_though_a_send_was_refused_as_conflicting(self, run: MadeUpRun) -> None:
        run.send("timed-out", status=None)
        run.send("timed-out", qty=3, status=409)

        violation = run.only(Check.LOST)
        assert violation.subject == "order timed-out"
        assert "conflicting" in violation.what

    def test_still_pending(self, run: MadeUpRun) -> None:
        run.undo("processed")

        violation = run.only(Check.LOST)
        assert violation.subject == "order processed"
        assert "still pending" in violation.what

    def test_pending_and_forgotten_though_its_placing_was_never_answered(
        self, run: MadeUpRun
    ) -> None:
        run.send("timed-out", status=None)
        run.work_on("timed-out")
        run.undo("timed-out")
        run.orders_open.clear()

        violation = run.only(Check.LOST)
        assert violation.subject == "order timed-out"
        assert "nobody will take it up" in violation.what

    def test_a_status_that_there_is_not(self, run: MadeUpRun) -> None:
        run.orders["too-many"] = replace(run.orders["too-many"], status="done")

        assert "'done'" in run.only(Check.LOST).what

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

        assert run.only(Check.LOST).subject == f"order {order_id}"

    def test_failed_for_lack_of_stock_that_there_was(self, run: MadeUpRun) -> None:
        run.initial_stock["SKU-2"] = 2
        run.stock["SKU-2"] = 2

        violation = run.only(Check.LOST)
        assert violation.subject == "order too-many"
        assert "2 were left" in violation.what

    def test_accepted_as_new_again(self, run: MadeUpRun) -> None:
        run.send("processed", task_id="another")

        assert "more than once" in run.only(Check.LOST).what

    def test_given_up_unless_that_may_be(self, run: MadeUpRun) -> None:
        run.orders["too-many"] = replace(
            run.orders["too-many"], reason=Reason.ATTEMPTS_EXHAUSTED, notification_task_id=None
        )
        run.orders_dead.add("too-many")

        assert "given up" in run.only(Check.LOST).what
        assert run.judged(Expectations(may_give_up=True)).verdict is Verdict.VALID

    def test_the_stock_itself(self, run: MadeUpRun) -> None:
        del run.stock["SKU-1"]

        assert run.only(Check.LOST).subject == "stock SKU-1"


class TestLostNotification:
    def test_no_record(self, run: MadeUpRun) -> None:
        del run.notifications["task-hello"]

        violation = run.only(Check.LOST)
        assert violation.subject == "notification task-hello"
        assert violation.evidence["sent"]["payload"] == {"email": ANN, "message": "Hello"}

    @pytest.mark.parametrize("status", ["pending", "failed"])
    def test_not_delivered(self, run: MadeUpRun, status: str) -> None:
        run.notifications["task-hello"] = replace(run.notifications["task-hello"], status=status)

        assert run.only(Check.LOST).subject == "notification task-hello"

    def test_no_mail(self, run: MadeUpRun) -> None:
        run.forget_effects(Effect.MAIL_DELIVERED, of=ANN)
        for task_id, found in run.notifications.items():
            if task_id != "task-hello":
                run.see_mail(found.email, found.message)

        assert run.only(Check.LOST).subject == "notification task-hello"

    def test_one_mail_for_two_that_are_alike(self, run: MadeUpRun) -> None:
        run.notify("Alike", task_id="task-1")
        run.notify("Alike", task_id="task-2")
        assert run.judged().verdict is Verdict.VALID

        run.history.events.pop()

        violation = run.only(Check.LOST)
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

        assert run.only(Check.LOST).subject == f"order {order_id}"
        quiet = Expectations(order_notifications=False)
        assert run.judged(quiet).verdict is Verdict.VALID

    def test_a_customer_whose_notice_was_never_sent(self, run: MadeUpRun) -> None:
        del run.notifications["notice-of-processed"]

        assert run.only(Check.LOST).subject == "order processed"


class TestDuplicateEffect:
    def test_stock_was_seen_to_be_taken_twice(self, run: MadeUpRun) -> None:
        run.history.effect(Effect.STOCK_TAKEN, "processed", sku="SKU-1")
        run.stock["SKU-1"] = 6

        violation = run.only(Check.DUPLICATE_EFFECT)
        assert violation.subject == "order processed"
        assert len(violation.evidence["taken_at_ms"]) == 2

    def test_it_was_taken_twice_and_nobody_saw(self, run: MadeUpRun) -> None:
        run.stock["SKU-1"] = 6

        violation = run.only(Check.DUPLICATE_EFFECT)
        assert violation.subject == "stock SKU-1"
        assert violation.what == "fell by 4, and 2 were sold"
        assert violation.evidence["account"]["sold_to"] == {"processed": 2}


class TestOversold:
    def test_the_stock_is_below_zero(self, run: MadeUpRun) -> None:
        run.send("one-too-many", qty=9)
        run.work_on("one-too-many", qty=9, in_stock=True)

        violation = run.only(Check.OVERSOLD)
        assert (violation.subject, violation.what) == ("stock SKU-1", "fell to -1")

    def test_more_was_sold_than_there_was(self, run: MadeUpRun) -> None:
        run.send("one-too-many", qty=9)
        run.work_on("one-too-many", qty=9, in_stock=True)
        run.stock["SKU-1"] = 0

        assert run.only(Check.OVERSOLD).what == "11 were sold, and there were 10"

    def test_sold_and_never_taken(self, run: MadeUpRun) -> None:
        run.stock["SKU-1"] = 10

        assert run.only(Check.OVERSOLD).what == "2 were sold, and the stock fell by 0"

    def test_what_was_never_in_stock(self, run: MadeUpRun) -> None:
        run.stock["SKU-NEW"] = 5
        run.place("new", item="SKU-NEW")

        assert run.only(Check.OVERSOLD).subject == "stock SKU-NEW"


class TestInvoices:
    def test_missing(self, run: MadeUpRun) -> None:
        del run.invoices["processed"]
        run.forget_effects(Effect.INVOICE_STORED)

        violation = run.only(Check.MISSING_INVOICE)
        assert violation.subject == "order processed"

    def test_stored_and_gone(self, run: MadeUpRun) -> None:
        del run.invoices["processed"]

        assert "is gone" in run.only(Check.MISSING_INVOICE).what

    def test_given_up(self, run: MadeUpRun) -> None:
        del run.invoices["processed"]
        reason = Reason.INVOICE_ATTEMPTS_EXHAUSTED
        run.orders["processed"] = replace(run.orders["processed"], reason=reason)
        run.orders_dead.add("processed")

        assert run.only(Check.MISSING_INVOICE).what == f"its invoice was given up: {reason}"

    def test_of_an_order_whose_placing_was_never_answered(self, run: MadeUpRun) -> None:
        run.send("timed-out", status=None)
        run.work_on("timed-out")
        del run.invoices["timed-out"]

        assert run.only(Check.MISSING_INVOICE).subject == "order timed-out"

    def test_two_that_differ(self, run: MadeUpRun) -> None:
        run.see_invoice("processed", "another-sha")

        violation = run.only(Check.DOUBLE_INVOICE)
        assert violation.subject == "order processed"
        assert violation.evidence["stored"] == ["sha-of-processed", "another-sha"]

    def test_replaced_while_nobody_saw(self, run: MadeUpRun) -> None:
        run.invoices["processed"] = "another-sha"

        assert run.only(Check.DOUBLE_INVOICE).evidence["kept"] == "another-sha"
