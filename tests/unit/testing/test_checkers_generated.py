"""Any valid run is found valid; with one violation planted anywhere in it, that one is found."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from shop.domain.order import OrderStatus, Reason
from testing.checkers import Check, Verdict
from testing.final_state import FinalOrder
from testing.history import Effect
from tests.builders import ANN
from tests.unit.testing.made_up import MadeUpRun
from tests.unit.testing.made_up_runs import EMAILS, ITEMS, QTYS, runs

GENERATED = settings(
    max_examples=30,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def an_order(
    draw: st.DrawFn, run: MadeUpRun, *, processed: bool | None = None, accepted: bool = True
) -> FinalOrder:
    """Any order of the run that fits; there is one."""
    fitting = [
        order
        for order in run.orders.values()
        if processed is None or (order.status == OrderStatus.PROCESSED) == processed
        if not accepted or run.was_accepted(order.order_id)
    ]
    return draw(st.sampled_from(fitting))


Plant = Callable[[st.DrawFn, MadeUpRun], None]
PLANTS: list[tuple[Check, Plant]] = []


def planted(check: Check) -> Callable[[Plant], Plant]:
    """Register what spoils a run so that `check` must find it, and no other."""

    def register(plant: Plant) -> Plant:
        PLANTS.append((check, plant))
        return plant

    return register


@planted(Check.LOST)
def an_accepted_order_is_gone(draw: st.DrawFn, run: MadeUpRun) -> None:
    order = an_order(draw, run)
    run.undo(order.order_id)
    del run.orders[order.order_id]
    run.orders_open.clear()


@planted(Check.LOST)
def an_accepted_order_is_never_worked_on(draw: st.DrawFn, run: MadeUpRun) -> None:
    run.undo(an_order(draw, run).order_id)
    if draw(st.booleans()):
        run.orders_open.clear()


@planted(Check.LOST)
def an_order_fails_for_no_reason(draw: st.DrawFn, run: MadeUpRun) -> None:
    order = an_order(draw, run, processed=False)
    reason = draw(st.sampled_from([None, "", Reason.ATTEMPTS_EXHAUSTED, "oops"]))
    message = run.notifications[order.notification_task_id or ""].message
    # That of an unknown item is sent for no other reason.
    assume("do not sell" not in message or reason == Reason.ATTEMPTS_EXHAUSTED)
    run.orders[order.order_id] = replace(order, reason=reason)


@planted(Check.LOST)
def an_order_is_placed_anew(draw: st.DrawFn, run: MadeUpRun) -> None:
    order = an_order(draw, run)
    assume(run.was_accepted(order.order_id, status=202))
    assert order.item is not None
    assert order.qty is not None
    assert order.email is not None
    run.send(order.order_id, order.item, order.qty, order.email, task_id="another")


@planted(Check.LOST)
def an_accepted_notification_is_not_delivered(draw: st.DrawFn, run: MadeUpRun) -> None:
    status = draw(st.sampled_from(["pending", "failed", None]))
    if status is None:
        del run.notifications["task-sure"]
    else:
        run.notifications["task-sure"] = replace(run.notifications["task-sure"], status=status)


@planted(Check.LOST)
def a_customer_never_hears_of_an_order(draw: st.DrawFn, run: MadeUpRun) -> None:
    order = an_order(draw, run, accepted=False)
    del run.notifications[order.notification_task_id or ""]
    if draw(st.booleans()):
        run.orders[order.order_id] = replace(order, notification_task_id=None)


@planted(Check.LOST)
def no_mail_was_ever_seen(draw: st.DrawFn, run: MadeUpRun) -> None:
    run.forget_effects(Effect.MAIL_DELIVERED, of=draw(st.sampled_from([ANN, None])))


@planted(Check.DUPLICATE_EFFECT)
def stock_is_taken_twice(draw: st.DrawFn, run: MadeUpRun) -> None:
    order = an_order(draw, run, processed=True, accepted=False)
    item, qty = order.item or "", order.qty or 0
    assume((run.stock[item] or 0) >= qty)
    run.stock[item] = (run.stock[item] or 0) - qty
    if draw(st.booleans()):
        run.history.effect(Effect.STOCK_TAKEN, order.order_id, sku=item)


@planted(Check.OVERSOLD)
def stock_falls_below_zero(draw: st.DrawFn, run: MadeUpRun) -> None:
    item = draw(st.sampled_from(["SKU-1", "SKU-2"]))
    qty = (run.stock[item] or 0) + draw(QTYS)
    run.send("one-too-many", item, qty)
    run.work_on("one-too-many", item, qty, in_stock=True)


@planted(Check.OVERSOLD)
def stock_is_not_taken(draw: st.DrawFn, run: MadeUpRun) -> None:
    run.stock["PLENTY"] = 100 - draw(st.integers(0, 1))


@planted(Check.MISSING_INVOICE)
def an_invoice_is_missing(draw: st.DrawFn, run: MadeUpRun) -> None:
    order = an_order(draw, run, processed=True, accepted=False)
    del run.invoices[order.order_id]
    if draw(st.booleans()):
        run.forget_effects(Effect.INVOICE_STORED, of=order.order_id)


@planted(Check.DOUBLE_INVOICE)
def an_invoice_is_replaced(draw: st.DrawFn, run: MadeUpRun) -> None:
    order = an_order(draw, run, processed=True, accepted=False)
    if draw(st.booleans()):
        run.see_invoice(order.order_id, "another-sha")
    else:
        run.invoices[order.order_id] = "another-sha"


@planted(Check.UNEXPECTED_EFFECT)
def an_order_that_was_never_sent_is_processed(draw: st.DrawFn, run: MadeUpRun) -> None:
    for _ in range(draw(st.integers(0, 2))):
        run.send("from-nowhere", qty=0, status=422)
    run.work_on("from-nowhere", item=draw(ITEMS))


@planted(Check.UNEXPECTED_EFFECT)
def a_conflicting_send_changes_an_order(draw: st.DrawFn, run: MadeUpRun) -> None:
    item = draw(ITEMS)
    run.send("changed", item, 1, status=draw(st.sampled_from([202, None])))
    run.send("changed", item, 2, status=409)
    run.work_on("changed", item, 2)


@planted(Check.UNEXPECTED_EFFECT)
def stock_falls_for_no_order(draw: st.DrawFn, run: MadeUpRun) -> None:
    run.history.effect(Effect.STOCK_TAKEN, "", sku=draw(ITEMS))


@planted(Check.UNEXPECTED_EFFECT)
def a_failed_order_has_an_invoice(draw: st.DrawFn, run: MadeUpRun) -> None:
    order = an_order(draw, run, processed=False, accepted=False)
    if draw(st.booleans()):
        run.see_invoice(order.order_id, "sha")
    else:
        run.invoices[order.order_id] = "sha"


@planted(Check.UNEXPECTED_EFFECT)
def a_mail_comes_from_nowhere(draw: st.DrawFn, run: MadeUpRun) -> None:
    run.see_mail(draw(EMAILS), "Buy now")


@planted(Check.UNEXPECTED_EFFECT)
def a_customer_is_told_again(draw: st.DrawFn, run: MadeUpRun) -> None:
    order = an_order(draw, run, accepted=False)
    due = run.notifications[order.notification_task_id or ""]
    for number in range(draw(st.integers(1, 2))):
        run.deliver(f"another-{number}", due.email, due.message)


@planted(Check.UNEXPECTED_EFFECT)
def a_mail_comes_without_a_start(draw: st.DrawFn, run: MadeUpRun) -> None:
    # A store that died may have forgotten as many starts.
    for _ in range(draw(st.integers(2, 20))):
        run.see_mail(ANN, "For sure")


@planted(Check.LOST)
def an_order_fails_before_another_takes_the_last(draw: st.DrawFn, run: MadeUpRun) -> None:
    left = run.stock["SKU-1"] or 0
    assume(left)
    run.stock["SKU-1"] = 0
    run.place("too-soon", item="SKU-1", qty=draw(st.integers(1, left)))
    run.stock["SKU-1"] = left
    run.place("last", item="SKU-1", qty=left)


@planted(Check.WRONGLY_REFUSED)
def what_is_valid_is_refused(draw: st.DrawFn, run: MadeUpRun) -> None:
    status = draw(st.sampled_from([400, 404, 413, 422]))
    if draw(st.booleans()):
        run.send("refused", draw(ITEMS), draw(QTYS), status=status)
    else:
        run.notify("Refused", status=status)


@GENERATED
@given(run=runs())
def test_any_run_that_went_well_is_valid(run: MadeUpRun) -> None:
    judged = run.judged()

    assert (judged.violations, judged.reasons) == ((), ())
    assert judged.verdict is Verdict.VALID


@pytest.mark.parametrize(
    ("check", "plant"), [pytest.param(*planted, id=planted[1].__name__) for planted in PLANTS]
)
@GENERATED
@given(run=runs(), data=st.data())
def test_a_planted_violation_is_found(
    check: Check, plant: Plant, run: MadeUpRun, data: st.DataObject
) -> None:
    plant(data.draw, run)

    judged = run.judged()

    assert judged.verdict is Verdict.INVALID
    assert {violation.check for violation in judged.violations} == {check}


def test_every_checker_has_something_planted() -> None:
    assert {check for check, _ in PLANTS} == set(Check)
