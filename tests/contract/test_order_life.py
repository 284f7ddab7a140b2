"""The life of orders in any order of steps.

Model, fakeredis and the real server go through it in lockstep. The model is written in plain
Python after the same rules, so what both got wrong alike shows in the invariants only: these
are written after the shop's promises, not after the code.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from shop.adapters.redis.keys import METRICS_DEAD, METRICS_ORDERS
from shop.domain.order import NO_INVOICE_REASONS, Order, OrderStatus, Reason
from shop.domain.stock import StockLevel
from shop.domain.work import TaskName
from tests.builders import an_order, follow_ups
from tests.contract.lockstep import (
    PROFILE,
    Lockstep,
    Worlds,
    ages,
    assert_open_are_pending,
    delivery_ids,
    limits,
    queues,
    rarely,
)
from tests.contract.worlds import (
    LEASE_UNITS,
    UNIT_MS,
    HeldOrder,
)

REASONS = ("unknown_item", "out_of_stock", "attempts_exhausted", "revoked")
OF_AN_ORDER = (TaskName.PROCESS_ORDER, TaskName.GENERATE_INVOICE)
SKUS = ("SKU-1", "SKU-2", "NO-SUCH")
#: What each order is usually for; two share an item, and one is not sold at first.
USUAL: dict[str, dict[str, Any]] = {
    "a": {"item": "SKU-1", "qty": 2},
    "b": {"item": "SKU-1", "qty": 3},
    "c": {"item": "NO-SUCH", "qty": 1},
}
INITIAL_STOCK = {"SKU-1": 4, "SKU-2": 5}

order_ids = st.sampled_from(sorted(USUAL))
pdfs = st.sampled_from([b"%PDF one", b"%PDF two"])


class OrderLife(Lockstep):
    """Orders, from their placing to their invoice."""

    def __init__(self, worlds: Worlds, runner: asyncio.Runner) -> None:
        super().__init__(worlds, runner)
        #: How many sets of follow-ups were drawn: each attempt draws its own.
        self.drawn = 0
        self.restocked = dict.fromkeys(SKUS, 0)
        #: The order that the last step took up again.
        self.revived: str | None = None
        #: The one that may have left `pending` in the step that recorded it.
        self.settled: str | None = None

    @initialize()
    def open_the_shop(self) -> None:
        levels = [StockLevel(sku, qty, price_minor=250) for sku, qty in INITIAL_STOCK.items()]
        self.each(lambda world: world.stock.put_missing(levels))

    @rule(
        order_id=order_ids,
        other=rarely,
        task=st.sampled_from("xy"),
        limit=st.sampled_from([0, 1, 2]),
    )
    def place(self, order_id: str, other: bool, task: str, limit: int) -> None:
        order = usual(order_id, other=other)
        self.repeatable(
            lambda world: self.wait(world.intake(limit).place(order, f"task-{order_id}-{task}"))
        )

    @rule(order_id=order_ids, other=rarely, delivery_id=delivery_ids, leased=rarely)
    def begin(self, order_id: str, other: bool, delivery_id: str, leased: bool = False) -> None:
        order = usual(order_id, other=other)
        lease_s = leased * LEASE_UNITS * UNIT_MS / 1000
        self.repeatable(
            lambda world: world.book.begin(
                order, f"task-{order_id}-x", delivery_id, lease_s=lease_s
            )
        )

    @rule(order_id=order_ids, notify=st.booleans())
    def settle(self, order_id: str, notify: bool) -> None:
        self.drawn += 1
        order = self.recorded(order_id)
        drawn = follow_ups(order, suffix=f"-{self.drawn}", notify=notify)
        self.repeatable(lambda world: world.book.settle(order.id, order.item, drawn))

    @rule(order_id=order_ids, notify=st.booleans())
    def process(self, order_id: str, notify: bool) -> None:
        """As a task does."""
        self.begin(order_id, False, "one")
        self.settle(order_id, notify)

    @rule(
        order_id=order_ids,
        other=rarely,
        delivery_id=delivery_ids,
        notify=st.booleans(),
        max_attempts=st.sampled_from([0, 1, 2]),
    )
    def begin_and_settle(
        self, order_id: str, other: bool, delivery_id: str, notify: bool, max_attempts: int
    ) -> None:
        self.drawn += 1
        order = usual(order_id, other=other)
        drawn = follow_ups(order, suffix=f"-{self.drawn}", notify=notify)
        self.settled = order_id
        self.repeatable(
            lambda world: world.book.begin_and_settle(
                order, f"task-{order_id}-x", delivery_id, drawn, max_attempts=max_attempts
            )
        )

    @rule(order_id=order_ids, delivery_id=delivery_ids, anyhow=rarely)
    def begin_invoice(self, order_id: str, delivery_id: str, anyhow: bool) -> None:
        order_id = order_id if anyhow else self.preferred(order_id, self.owes_invoice)
        self.repeatable(
            lambda world: world.book.begin_invoice(order_id, "invoice-task", delivery_id)
        )

    @rule(order_id=order_ids, pdf=pdfs, anyhow=rarely)
    def store_invoice(self, order_id: str, pdf: bytes, anyhow: bool) -> None:
        order_id = order_id if anyhow else self.preferred(order_id, self.owes_invoice)
        stored = self.each(lambda world: world.book.store_invoice(order_id, pdf))
        state = self.state
        again = self.each(lambda world: world.book.store_invoice(order_id, pdf))
        assert self.state.invoices == state.invoices
        assert again == (False if stored is True else stored)

    @rule(order_id=order_ids, anyhow=rarely)
    def give_up_processing(self, order_id: str, anyhow: bool) -> None:
        order_id = order_id if anyhow else self.preferred(order_id, self.is_pending)
        was_pending = self.is_pending(order_id)
        self.repeatable(lambda world: world.book.bury(order_id, Reason.ATTEMPTS_EXHAUSTED))
        if was_pending:
            assert self.status(order_id) == OrderStatus.FAILED
            assert order_id in dict(self.state.orders_dead)

    @rule(order_id=order_ids, anyhow=st.booleans())
    def give_up_invoice(self, order_id: str, anyhow: bool) -> None:
        order_id = order_id if anyhow else self.preferred(order_id, self.owes_invoice)
        reason = Reason.INVOICE_ATTEMPTS_EXHAUSTED
        self.repeatable(lambda world: world.book.bury(order_id, reason))
        assert not self.owes_invoice(order_id) or order_id in dict(self.state.orders_dead)

    @rule(order_id=order_ids, task=st.sampled_from(OF_AN_ORDER), anyhow=rarely)
    def revoke(self, order_id: str, task: TaskName, anyhow: bool) -> None:
        held = self.state.orders.get(order_id)
        task_id = "another"
        if held is not None and not anyhow:
            is_order = task is TaskName.PROCESS_ORDER
            task_id = (held.message_id or held.task_id) if is_order else held.invoice_task_id or ""
        self.repeatable(lambda world: world.book.revoke(order_id, task, task_id or "none"))

    @rule(order_id=order_ids)
    def revive(self, order_id: str) -> None:
        self.revived = order_id
        self.drawn += 1
        message_id = f"message-{self.drawn}"
        self.repeatable(lambda world: world.book.revive(order_id, message_id))

    @rule(queue=queues, idle=st.booleans(), limit=limits)
    def claim_lost(self, queue: str, idle: bool, limit: int) -> None:
        self.each(lambda world: world.book.claim_lost(queue, queue_is_idle=idle, limit=limit))

    @rule(age_units=ages, limit=limits)
    def claim_overtaken(self, age_units: int, limit: int) -> None:
        self.start_another("default", age_units)
        self.claim_lost("default", False, limit)

    @rule(sku=st.sampled_from(SKUS), qty=st.integers(0, 5))
    def restock(self, sku: str, qty: int) -> None:
        self.restocked[sku] += qty - self.units(sku)
        self.repeatable(lambda world: world.stock.put(StockLevel(sku, qty)))

    # What holds after every step.

    @invariant()
    def stock_is_what_was_there_less_what_was_sold(self) -> None:
        for sku in SKUS:
            sold = sum(
                order.qty
                for order in self.state.orders.values()
                if order.item == sku and order.status == OrderStatus.PROCESSED
            )
            there = INITIAL_STOCK.get(sku, 0) + self.restocked[sku]
            assert self.units(sku) >= 0
            assert there == self.units(sku) + sold

    @invariant()
    def the_counts_are_those_of_the_orders(self) -> None:
        counts, dead = (self.state.counts.get(key, {}) for key in (METRICS_ORDERS, METRICS_DEAD))
        statuses = [order.status for order in self.state.orders.values()]
        assert counts.get("placed", 0) == len(statuses)
        assert counts.get("processed", 0) == statuses.count(OrderStatus.PROCESSED)
        failures = sum(counts.get(reason, 0) for reason in REASONS)
        # What failed has failed once more than it was taken up again.
        assert statuses.count(OrderStatus.FAILED) <= failures
        assert failures <= statuses.count(OrderStatus.FAILED) + counts.get("revived", 0)
        assert len(self.state.orders_dead) <= dead.get("order", 0) + dead.get("invoice", 0)

    @invariant()
    def the_books_add_up(self) -> None:
        initial, restocked, sold = self.state.books.values()
        for sku in {*initial, *restocked, *sold}:
            known = initial.get(sku, 0) + restocked.get(sku, 0)
            assert known == self.units(sku) + sold.get(sku, 0)

    @invariant()
    def every_change_is_legal(self) -> None:
        for before, after in self.changes:
            for order_id, order in after.orders.items():
                if order_id in before.orders:
                    self.check_change(order_id, before.orders[order_id], order)
                else:
                    assert order.status == OrderStatus.PENDING or self.settled == order_id
            for order_id, pdf in before.invoices.items():
                # One that was made by hand before there was an order is not that order's.
                is_placed_now = order_id in after.orders and order_id not in before.orders
                assert after.invoices.get(order_id) == (None if is_placed_now else pdf)
        self.changes.clear()
        self.revived = self.settled = None

    def check_change(self, order_id: str, was: HeldOrder, now: HeldOrder) -> None:
        assert (now.item, now.qty, now.email) == (was.item, was.qty, was.email)
        assert now.task_id == was.task_id
        match was.status, now.status:
            case OrderStatus.PENDING, _:
                pass
            case OrderStatus.FAILED, OrderStatus.PENDING:
                assert self.revived == order_id
            case _:
                assert now.status == was.status

    @invariant()
    def invoices_are_of_processed_orders(self) -> None:
        for order_id in self.state.invoices.keys() & self.state.orders.keys():
            assert self.status(order_id) == OrderStatus.PROCESSED

    @invariant()
    def open_orders_are_those_that_are_owed_something(self) -> None:
        owed = {
            order_id
            for order_id in self.state.orders
            if self.status(order_id) == OrderStatus.PENDING or self.owes_invoice(order_id)
        }
        are_open = set(dict(self.state.orders_open))
        dead = set(dict(self.state.orders_dead))
        assert owed - dead <= are_open
        assert are_open <= owed
        # One that was given up is tried once more when a message for it comes late.
        assert all(self.owes_invoice(order_id) for order_id in dead & are_open)

    @invariant()
    def dead_orders_lack_what_they_were_given_up_for(self) -> None:
        for order_id in dict(self.state.orders_dead):
            order = self.state.orders[order_id]
            if order.status == OrderStatus.FAILED:
                assert order.reason in (Reason.ATTEMPTS_EXHAUSTED, Reason.REVOKED)
            else:
                assert self.owes_invoice(order_id)
                assert order.reason in NO_INVOICE_REASONS

    @invariant()
    def failed_orders_say_why_and_others_do_not(self) -> None:
        for order_id, order in self.state.orders.items():
            assert order.is_decided == (order.status != OrderStatus.PENDING)
            if order.status == OrderStatus.FAILED:
                assert order.reason in set(Reason)
            elif order_id not in dict(self.state.orders_dead):
                assert order.reason is None

    @invariant()
    def open_notifications_are_those_that_are_pending(self) -> None:
        assert_open_are_pending(self.state)

    def recorded(self, order_id: str) -> Order:
        held = self.state.orders.get(order_id)
        if held is None:
            return usual(order_id)
        return Order(id=order_id, item=held.item, qty=held.qty, email=held.email)

    def preferred(self, order_id: str, wanted: Callable[[str], bool]) -> str:
        """Another order if this one is not as wanted and one is: most steps shall do something."""
        others = sorted(self.state.orders)
        return next((found for found in (order_id, *others) if wanted(found)), order_id)

    def status(self, order_id: str) -> str | None:
        held = self.state.orders.get(order_id)
        return held.status if held else None

    def is_pending(self, order_id: str) -> bool:
        return self.status(order_id) == OrderStatus.PENDING

    def owes_invoice(self, order_id: str) -> bool:
        is_processed = self.status(order_id) == OrderStatus.PROCESSED
        return is_processed and order_id not in self.state.invoices

    def units(self, sku: str) -> int:
        return int(self.state.stock.get(sku, 0))


def usual(order_id: str, *, other: bool = False) -> Order:
    """`other`: with content that conflicts with the usual."""
    content = USUAL[order_id]
    return an_order(order_id, **(content | {"qty": content["qty"] + other}))


def test_orders(worlds: Worlds, runner: asyncio.Runner) -> None:
    run_state_machine_as_test(
        lambda: OrderLife(worlds, runner), settings=settings(PROFILE, max_examples=50)
    )
