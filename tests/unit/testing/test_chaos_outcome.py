"""What makes a chaos run valid beside the checkers: time, and services that last."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from testing.chaos.finishing import Finish, finishes
from testing.checkers import Verdict
from testing.history import Effect, History
from tests.unit.testing.made_up import MadeUpRun
from tests.unit.testing.outcomes import an_outcome, doubtful_run, good_run, lost_run

LATE = (
    "2 of 3 that were accepted before the last fault had healed took longer than 30 s after it; "
    "the slowest, order order-7, 46.8 s"
)


class TestOutcome:
    @pytest.mark.parametrize(
        ("run", "verdict"),
        [
            (good_run, Verdict.VALID),
            (lost_run, Verdict.INVALID),
            (doubtful_run, Verdict.UNKNOWN),
        ],
        ids=lambda value: getattr(value, "__name__", str(value)),
    )
    def test_the_checkers_decide(self, run: Callable[[], MadeUpRun], verdict: Verdict) -> None:
        outcome = an_outcome(run().judged())

        assert outcome.verdict is verdict
        assert bool(outcome.reasons) == (verdict is not Verdict.VALID)

    @pytest.mark.parametrize(
        ("broken", "said"),
        [
            ({"drain_s": 30.1}, "drained after 30.1 s: 30 promised"),
            ({"drain_s": None}, "not drained within 90 s"),
            ({"given_up": 2}, "2 sends were never answered"),
            (
                {
                    "finishes": [
                        Finish("order order-7", 46.75),
                        Finish("notification task-n", 30.1),
                        Finish("order order-1", 30.0),
                    ]
                },
                LATE,
            ),
            ({"stalls": 1}, "stalls that the watchdog ended: 1"),
            (
                {"restarts": {"worker-default": 2, "api": 1}},
                "services that ended by themselves: api 1, worker-default 2",
            ),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
    )
    def test_what_they_do_not_see_counts_as_much(self, broken: dict[str, Any], said: str) -> None:
        outcome = an_outcome(good_run().judged(), **broken)

        assert outcome.verdict is Verdict.INVALID
        assert outcome.reasons == [said]
        assert outcome.as_json()["verdict"] == "invalid"

    @pytest.mark.parametrize(
        "sound",
        [
            # Much was sent long after the last fault, and finished in time.
            {"drain_after_fault_s": 46.7},
            {"finishes": [Finish("order order-1", 30.0)]},
            {"finishes": []},
        ],
    )
    def test_what_is_still_in_time(self, sound: dict[str, Any]) -> None:
        outcome = an_outcome(good_run().judged(), **sound)

        assert (outcome.verdict, outcome.reasons) == (Verdict.VALID, [])


class TestFinishes:
    """Of a run with one order and one notification, that were accepted before a fault healed."""

    @pytest.fixture
    def run(self) -> MadeUpRun:
        run = MadeUpRun(SKU_1=10)
        run.place("order-1")
        run.notify("Hello", task_id="task-n")
        return run

    def found(self, run: MadeUpRun, healed_ms: int) -> dict[str, float]:
        history = History.of(run.history.events)
        return {
            finish.subject: finish.after_s for finish in finishes(history, run.final(), healed_ms)
        }

    def test_of_each_its_last_step_counts(self, run: MadeUpRun) -> None:
        healed_ms = run.history.now_ms
        run.notifications["notice-of-order-1"] = replace(
            run.notifications["notice-of-order-1"], closed_at_ms=healed_ms + 16_400
        )
        run.notifications["task-n"] = replace(
            run.notifications["task-n"], closed_at_ms=healed_ms - 500
        )

        found = self.found(run, healed_ms)

        assert found == {"order order-1": 16.4, "notification task-n": -0.5}
        assert list(found) == ["order order-1", "notification task-n"]

    def test_an_order_is_finished_with_its_invoice(self, run: MadeUpRun) -> None:
        healed_ms = run.history.now_ms
        run.forget_effects(Effect.INVOICE_STORED)
        run.see_invoice("order-1", "sha-of-order-1")
        stored = run.history.events.pop()
        run.history.events.append(replace(stored, at_ms=healed_ms + 31_000))

        assert self.found(run, healed_ms)["order order-1"] == 31.0

    def test_where_nobody_saw_the_invoice_its_task_says_when(self, run: MadeUpRun) -> None:
        healed_ms = run.history.now_ms
        run.orders["order-1"] = replace(
            run.orders["order-1"], invoice_ended_at_ms=healed_ms + 40_000
        )
        # It was delivered again, when the invoice had long been there.
        assert self.found(run, healed_ms)["order order-1"] < 0

        run.forget_effects(Effect.INVOICE_STORED)

        assert self.found(run, healed_ms)["order order-1"] == 40.0

    def test_without_an_invoice_the_decision_and_the_mail_count(self, run: MadeUpRun) -> None:
        healed_ms = run.history.now_ms
        run.forget_effects(Effect.INVOICE_STORED)
        run.orders["order-1"] = replace(
            run.orders["order-1"], processed_at_ms=healed_ms + 2_000, notification_task_id=None
        )

        assert self.found(run, healed_ms)["order order-1"] == 2.0

    def test_what_was_accepted_later_is_not_among_them(self, run: MadeUpRun) -> None:
        healed_ms = run.history.now_ms
        run.send("order-2", status=None)
        run.place("order-2")
        run.place("order-3")
        run.notify("Hello", task_id="task-later")

        assert set(self.found(run, healed_ms)) == {"order order-1", "notification task-n"}

    def test_nor_is_what_was_not_accepted_or_not_finished(self, run: MadeUpRun) -> None:
        run.send("unconfirmed", status=None)
        run.work_on("unconfirmed")
        run.send("refused", status=422)
        run.send("lost")
        run.notify("Lost", task_id="task-lost")
        del run.notifications["task-lost"]
        run.undo("order-1")

        assert set(self.found(run, run.history.now_ms)) == {"notification task-n"}
