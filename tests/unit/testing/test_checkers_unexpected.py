"""Orders, stock and invoices that took effect though nobody had asked for it and been granted."""

import pytest

from testing.checkers import Check
from testing.history import Effect
from tests.builders import ANN
from tests.unit.testing.made_up import BEA, MadeUpRun, something_of_everything


@pytest.fixture
def run() -> MadeUpRun:
    return something_of_everything()


class TestUnexpectedOrder:
    def test_never_sent(self, run: MadeUpRun) -> None:
        run.work_on("from-nowhere")

        violation = run.only(Check.UNEXPECTED_EFFECT)
        assert violation.subject == "order from-nowhere"
        assert violation.evidence["record"]["item"] == "SKU-1"

    @pytest.mark.parametrize(("status", "qty"), [(409, 2), (413, -1), (422, -1)])
    def test_refused_at_every_send(self, run: MadeUpRun, status: int, qty: int) -> None:
        run.send("refused", qty=qty, status=status)
        run.send("refused", qty=qty, status=status)
        run.work_on("refused")

        violation = run.only(Check.UNEXPECTED_EFFECT)
        assert violation.subject == "order refused"
        assert "refused at every send" in violation.what

    def test_an_invoice_for_an_order_never_sent(self, run: MadeUpRun) -> None:
        run.see_invoice("from-nowhere", "sha")

        assert run.only(Check.UNEXPECTED_EFFECT).subject == "order from-nowhere"

    def test_an_invoice_without_a_record(self, run: MadeUpRun) -> None:
        run.send("timed-out", status=None)
        run.invoices["timed-out"] = "sha"

        assert "no record" in run.only(Check.UNEXPECTED_EFFECT).what

    def test_content_that_was_never_sent(self, run: MadeUpRun) -> None:
        run.send("changed", qty=1)
        run.work_on("changed", qty=3)

        assert run.only(Check.UNEXPECTED_EFFECT).subject == "order changed"

    def test_the_content_of_a_conflicting_send_that_was_refused(self, run: MadeUpRun) -> None:
        run.send("changed", email=ANN)
        run.send("changed", email=BEA, status=409)
        run.work_on("changed", email=BEA)

        assert "refused as conflicting" in run.only(Check.UNEXPECTED_EFFECT).what

    def test_the_refused_content_of_an_order_that_nobody_confirmed(self, run: MadeUpRun) -> None:
        run.send("changed", email=ANN, status=503)
        run.send("changed", email=BEA, status=409)
        run.work_on("changed", email=BEA)

        assert "refused as conflicting" in run.only(Check.UNEXPECTED_EFFECT).what

    def test_different_contents_accepted(self, run: MadeUpRun) -> None:
        run.send("changed", email=ANN)
        run.send("changed", email=BEA, status=200)
        run.work_on("changed", email=ANN)

        assert "different contents" in run.only(Check.UNEXPECTED_EFFECT).what

    def test_a_repetition_refused_as_conflicting(self, run: MadeUpRun) -> None:
        run.send("processed", status=409)

        assert "with itself" in run.only(Check.UNEXPECTED_EFFECT).what

    def test_a_repetition_told_of_another_task(self, run: MadeUpRun) -> None:
        run.send("processed", status=200, task_id="another")

        assert "another" in run.only(Check.UNEXPECTED_EFFECT).what

    def test_invalid_content_accepted(self, run: MadeUpRun) -> None:
        run.send("negative", qty=-1)
        run.work_on("negative", qty=1)

        assert run.only(Check.UNEXPECTED_EFFECT).subject == "order negative"

    def test_an_invoice_for_a_failed_order(self, run: MadeUpRun) -> None:
        run.invoices["too-many"] = "sha"

        assert "has an invoice" in run.only(Check.UNEXPECTED_EFFECT).what

    def test_stock_taken_for_a_failed_order(self, run: MadeUpRun) -> None:
        run.history.effect(Effect.STOCK_TAKEN, "too-many", sku="SKU-2")

        assert "stock was taken" in run.only(Check.UNEXPECTED_EFFECT).what

    def test_stock_that_fell_for_no_order(self, run: MadeUpRun) -> None:
        run.history.effect(Effect.STOCK_TAKEN, "", sku="SKU-1")

        assert run.only(Check.UNEXPECTED_EFFECT).subject == "stock SKU-1"
