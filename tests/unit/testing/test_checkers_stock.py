"""An order that fails for lack of stock, judged by what was left when it was decided."""

from dataclasses import replace

import pytest

from testing.checkers import Check, Verdict
from testing.history import Effect
from tests.unit.testing.made_up import MadeUpRun


@pytest.fixture
def run() -> MadeUpRun:
    return MadeUpRun(SKU_1=10)


def fails(run: MadeUpRun, order_id: str, qty: int) -> None:
    """For lack of stock, whatever there is."""
    left, run.stock["SKU-1"] = run.stock["SKU-1"], 0
    run.place(order_id, qty=qty)
    run.stock["SKU-1"] = left


def test_it_fails_before_another_buys_all(run: MadeUpRun) -> None:
    fails(run, "first", qty=1)
    run.place("second", qty=10)

    violation = run.only(Check.LOST)
    assert violation.subject == "order first"
    assert violation.what == "failed for lack of stock, and 10 were left when it was decided"


def test_it_fails_after_another_has_bought_all(run: MadeUpRun) -> None:
    run.place("first", qty=10)
    fails(run, "second", qty=1)

    assert run.judged().verdict is Verdict.VALID


def test_it_fails_when_there_is_less_than_it_wants(run: MadeUpRun) -> None:
    run.place("first", qty=4)
    fails(run, "second", qty=7)
    run.place("third", qty=6)

    assert run.judged().verdict is Verdict.VALID


def test_it_fails_when_there_is_just_what_it_wants(run: MadeUpRun) -> None:
    run.place("first", qty=4)
    fails(run, "second", qty=6)
    run.place("third", qty=6)

    assert "6 were left" in run.only(Check.LOST).what


def test_in_the_same_millisecond_the_sale_may_have_been_first(run: MadeUpRun) -> None:
    fails(run, "second", qty=1)
    run.place("first", qty=10)
    at_ms = run.orders["first"].processed_at_ms
    run.orders["second"] = replace(run.orders["second"], processed_at_ms=at_ms)

    assert run.judged().verdict is Verdict.VALID


@pytest.mark.parametrize("untimed", ["first", "second"])
def test_without_a_time_only_what_is_left_at_the_end_counts(run: MadeUpRun, untimed: str) -> None:
    fails(run, "first", qty=1)
    run.place("second", qty=10)
    run.orders[untimed] = replace(run.orders[untimed], processed_at_ms=None)
    run.forget_effects(Effect.STOCK_TAKEN)

    assert run.judged().violations == ()

    run.stock["SKU-1"] = run.initial_stock["SKU-1"] = 11

    assert [violation.subject for violation in run.judged().of(Check.LOST)] == ["order first"]


def test_what_was_taken_and_not_sold_may_have_been_taken_before(run: MadeUpRun) -> None:
    run.stock["SKU-1"] = 0
    run.place("only", qty=1)

    assert run.only(Check.DUPLICATE_EFFECT).subject == "stock SKU-1"
