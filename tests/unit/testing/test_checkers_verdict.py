"""What a judgement says beside violations: doubts, counts, and duplicates that are no failure."""

import json
from dataclasses import replace

import pytest

from shop.domain.order import Reason
from testing.checkers import Duplicates, Expectations, Verdict
from testing.history import Effect, Kind, Observer, Phase
from tests.builders import ANN
from tests.unit.testing.made_up import BEA, START_MS, MadeUpRun

HELD_AND_HEALED = (Phase.INJECTED, Phase.CONFIRMED, Phase.HEALED)


@pytest.fixture
def run() -> MadeUpRun:
    run = MadeUpRun(SKU_1=10)
    run.place("processed")
    return run


class TestValid:
    def test_an_order_that_was_repeated_and_contradicted(self, run: MadeUpRun) -> None:
        run.send("processed", status=200)
        run.send("processed", qty=3, status=409)
        run.send("processed", status=None)
        run.send("processed", qty=3, status=503)

        assert run.judged().verdict is Verdict.VALID

    @pytest.mark.parametrize("status", [None, 500, 503])
    def test_an_order_that_nobody_confirmed_and_that_is_not_there(
        self, run: MadeUpRun, status: int | None
    ) -> None:
        run.send("unconfirmed", status=status)

        assert run.judged().verdict is Verdict.VALID

    @pytest.mark.parametrize("qty", [1, 2])
    def test_one_that_is_there_with_any_of_its_contents(self, run: MadeUpRun, qty: int) -> None:
        run.send("unconfirmed", qty=1, status=None)
        run.send("unconfirmed", qty=2, status=503)
        run.work_on("unconfirmed", qty=qty)

        assert run.judged().verdict is Verdict.VALID

    def test_one_whose_repetition_was_accepted(self, run: MadeUpRun) -> None:
        run.send("unconfirmed", status=None)
        run.send("unconfirmed", status=200)
        run.work_on("unconfirmed")

        assert run.judged().verdict is Verdict.VALID

    def test_an_id_that_was_sent_as_a_number_and_an_address_in_capitals(
        self, run: MadeUpRun
    ) -> None:
        run.send("1001", email="ann@EXAMPLE.com")
        request = next(
            event for event in reversed(run.history.events) if event.kind is Kind.REQUEST
        )
        position = run.history.events.index(request)
        payload = {**request.data["payload"], "id": 1001}
        run.history.events[position] = replace(request, data={**request.data, "payload": payload})
        run.work_on("1001", email=ANN)

        assert run.judged().verdict is Verdict.VALID

    def test_an_order_taken_up_again_after_its_customer_was_told_that_it_failed(
        self, run: MadeUpRun
    ) -> None:
        run.place("revived", qty=20)
        run.notifications["earlier"] = replace(
            run.notifications.pop("notice-of-revived"), task_id="earlier"
        )
        run.deliveries("earlier", "send_notification")
        run.stock["SKU-1"] = run.initial_stock["SKU-1"] = 100
        run.stock["SKU-1"] -= 2
        run.work_on("revived", qty=20)

        assert run.judged().violations == ()

    def test_mail_with_its_lines_ended_for_the_journey(self, run: MadeUpRun) -> None:
        run.notify("One\ntwo\n", email=BEA)
        run.forget_effects(Effect.MAIL_DELIVERED, of=BEA)
        run.see_mail(BEA, "One\r\ntwo")

        assert run.judged().verdict is Verdict.VALID

    def test_a_fault_that_took_hold_and_healed(self, run: MadeUpRun) -> None:
        run.fault("worker-killed", "1", *HELD_AND_HEALED)

        expected = Expectations(faults={"worker-killed": 1})
        assert run.judged(expected).verdict is Verdict.VALID

    def test_a_request_whose_sender_was_ended(self, run: MadeUpRun) -> None:
        run.send("unconfirmed")
        answer = run.history.events.pop()
        assert answer.kind is Kind.ANSWER

        assert run.judged().verdict is Verdict.VALID
        run.work_on("unconfirmed")
        assert run.judged().verdict is Verdict.VALID

    def test_effects_that_were_missed_in_a_window_long_after_the_beginning(
        self, run: MadeUpRun
    ) -> None:
        run.forget_effects(Effect.STOCK_TAKEN)
        at_ms = START_MS + 60_000
        run.orders["processed"] = replace(run.orders["processed"], processed_at_ms=at_ms)
        run.history.blind(Observer.STORE, at_ms - 10, at_ms + 10)

        assert run.judged().verdict is Verdict.VALID

    def test_effects_that_were_missed_in_a_known_window(self, run: MadeUpRun) -> None:
        run.forget_effects(Effect.STOCK_TAKEN, Effect.INVOICE_STORED)
        run.history.blind(Observer.STORE, START_MS, START_MS + 100)

        judged = run.judged()

        assert judged.verdict is Verdict.VALID
        assert judged.counts.blind_ms == {"store": 100}


class TestUnknown:
    def doubt(self, run: MadeUpRun, expected: Expectations | None = None) -> str:
        """The one reason why nothing is known."""
        judged = run.judged(expected)
        assert judged.verdict is Verdict.UNKNOWN
        (reason,) = judged.reasons
        return reason

    def test_nothing_was_accepted(self) -> None:
        run = MadeUpRun(SKU_1=10)
        run.send("refused", qty=0, status=422)
        run.send("unconfirmed", status=None)

        assert "nothing happened" in self.doubt(run)

    def test_no_task_was_started(self, run: MadeUpRun) -> None:
        run.history.events = [
            event for event in run.history.events if event.kind is not Kind.DELIVERY
        ]

        assert "no task" in self.doubt(run)

    @pytest.mark.parametrize(
        "phases",
        [(Phase.INJECTED, Phase.HEALED), (Phase.INJECTED, Phase.NOT_CONFIRMED, Phase.HEALED)],
    )
    def test_a_fault_did_not_take_hold(self, run: MadeUpRun, phases: tuple[Phase, ...]) -> None:
        run.fault("redis-killed", "1", *HELD_AND_HEALED)
        run.fault("redis-killed", "2", *phases)

        assert self.doubt(run) == "the fault redis-killed (2) did not take hold"

    def test_a_fault_was_not_healed(self, run: MadeUpRun) -> None:
        run.fault("redis-killed", "1", Phase.INJECTED, Phase.CONFIRMED)

        assert "never healed" in self.doubt(run)

    def test_faults_were_too_few(self, run: MadeUpRun) -> None:
        run.fault("redis-killed", "1", *HELD_AND_HEALED)

        expected = Expectations(faults={"redis-killed": 2})
        assert "took hold 1 times" in self.doubt(run, expected)

    def test_the_history_is_torn(self, run: MadeUpRun) -> None:
        run.torn = True

        assert "cut off" in self.doubt(run)

    @pytest.mark.parametrize("observer", Observer)
    def test_nobody_watched(self, run: MadeUpRun, observer: Observer) -> None:
        run.history.events = [event for event in run.history.events if event.subject != observer]

        assert f"nobody watched the {observer}" in self.doubt(run)

    @pytest.mark.parametrize("effect", [Effect.STOCK_TAKEN, Effect.INVOICE_STORED])
    def test_effects_went_unseen(self, run: MadeUpRun, effect: Effect) -> None:
        run.forget_effects(effect)

        assert "unseen" in self.doubt(run)

    def test_effects_went_unseen_outside_the_known_windows(self, run: MadeUpRun) -> None:
        run.forget_effects(Effect.STOCK_TAKEN, Effect.INVOICE_STORED)
        long_before_ms = START_MS - 60_000
        run.history.blind(Observer.STORE, long_before_ms, long_before_ms + 100)

        assert "for 1 orders, 1 invoices" in self.doubt(run)

    def test_it_was_not_drained(self, run: MadeUpRun) -> None:
        run.send("unconfirmed", status=None)
        run.work_on("unconfirmed")
        run.undo("unconfirmed")

        assert self.doubt(run) == "not drained: 1 orders are still open"

    def test_notifications_were_not_drained(self, run: MadeUpRun) -> None:
        run.notifications_open.add("task-1")

        assert self.doubt(run) == "not drained: 1 notifications are still open"


def test_what_is_proven_broken_stays_so_however_doubtful_the_rest(run: MadeUpRun) -> None:
    run.torn = True
    run.stock["SKU-1"] = 0

    judged = run.judged()

    assert judged.verdict is Verdict.INVALID
    assert judged.reasons[0] == "duplicate_effect: 1"
    assert "cut off" in judged.reasons[1]


def test_what_comes_twice_and_may_is_counted(run: MadeUpRun) -> None:
    run.notify("Hello", task_id="task-hello")
    run.see_mail(ANN, "Hello")
    run.see_mail(ANN, "Hello")
    run.deliveries("task-hello", "send_notification", count=3)
    run.see_invoice("processed", "sha-of-processed")
    run.see_invoice("processed", None)
    run.deliveries("task-of-processed", "process_order", count=3)
    run.deliveries("invoice-of-processed", "generate_invoice", count=2)

    judged = run.judged()

    assert judged.verdict is Verdict.VALID
    assert judged.duplicates == Duplicates(
        deliveries={"process_order": 2, "generate_invoice": 1, "send_notification": 2},
        tasks=3,
        mails=2,
        invoices=2,
    )


def test_it_counts_what_happened(run: MadeUpRun) -> None:
    run.send("processed", status=200)
    run.send("processed", qty=9, status=409)
    run.place("unknown-item", item="NO-SUCH")
    run.send("unconfirmed", status=503)
    run.notify()
    run.notify(status=None)
    run.fault("worker-killed", "1", *HELD_AND_HEALED)

    counts = run.judged().counts

    assert counts.order_sends == {"accepted": 3, "refused": 1, "unknown": 1}
    assert counts.notification_sends == {"accepted": 1, "unknown": 1}
    assert (counts.orders_sent, counts.orders_accepted) == (3, 2)
    assert counts.orders == {"processed": 1, f"failed: {Reason.UNKNOWN_ITEM}": 1}
    assert (counts.invoices, counts.mails) == (1, 3)
    assert counts.notifications == {"delivered": 3}
    assert counts.faults == {"worker-killed": 1}


def test_it_can_be_written_down(run: MadeUpRun) -> None:
    run.stock["SKU-1"] = 0
    del run.orders["processed"]

    written = json.loads(json.dumps(run.judged().as_json()))

    assert written["verdict"] == "invalid"
    checks = {violation["check"] for violation in written["violations"]}
    assert checks == {"lost", "duplicate_effect"}
    assert written["counts"]["violations"]["oversold"] == 0
