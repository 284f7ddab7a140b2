"""The life of notifications in any order of steps, as `test_order_life.py` does it for orders."""

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from shop.domain.notification import NotificationStatus
from tests.builders import a_notification
from tests.contract.lockstep import (
    PROFILE,
    Lockstep,
    Worlds,
    ages,
    assert_open_are_pending,
    delivery_ids,
    limits,
    queues,
)
from tests.contract.worlds import DELAYS_UNITS, LEASE_UNITS, UNIT_MS

note_ids = st.sampled_from(["task-1", "task-2", "task-3"])


class NotificationLife(Lockstep):
    """Notifications, placed or sent by hand, from then until they are delivered or given up."""

    @rule(task_id=note_ids)
    def place(self, task_id: str) -> None:
        notification = a_notification(message=f"Your parcel is here: {task_id}")
        self.repeatable(
            lambda world: self.wait(world.notification_intake.place(notification, task_id))
        )

    @rule(task_id=note_ids, delivery_id=delivery_ids, leased=st.booleans())
    def begin(self, task_id: str, delivery_id: str, leased: bool) -> None:
        lease_s = leased * LEASE_UNITS * UNIT_MS / 1000
        self.repeatable(
            lambda world: world.notifications.begin(
                a_notification(), task_id, delivery_id, lease_s=lease_s
            )
        )

    @rule(task_id=note_ids)
    def deliver(self, task_id: str) -> None:
        self.repeatable(lambda world: world.notifications.delivered(task_id))

    @rule(task_id=note_ids, delay_units=st.sampled_from(DELAYS_UNITS))
    def postpone(self, task_id: str, delay_units: int) -> None:
        delay_s = delay_units * UNIT_MS / 1000
        self.repeatable(lambda world: world.notifications.postpone(task_id, delay_s, "451"))

    @rule(task_id=note_ids, delay_units=st.sampled_from(DELAYS_UNITS))
    def defer(self, task_id: str, delay_units: int) -> None:
        delay_s = delay_units * UNIT_MS / 1000
        self.repeatable(lambda world: world.notifications.defer(task_id, delay_s, "later", 450))

    @rule(task_id=note_ids, delivery_id=delivery_ids)
    def renew(self, task_id: str, delivery_id: str) -> None:
        lease_s = LEASE_UNITS * UNIT_MS / 1000
        self.repeatable(lambda world: world.notifications.renew(task_id, delivery_id, lease_s))

    @rule(task_id=note_ids)
    def give_up(self, task_id: str) -> None:
        self.repeatable(lambda world: world.notifications.bury(task_id, "no such mailbox"))

    @rule(queue=queues, idle=st.booleans(), limit=limits)
    def claim_lost(self, queue: str, idle: bool, limit: int) -> None:
        self.each(
            lambda world: world.notifications.claim_lost(queue, queue_is_idle=idle, limit=limit)
        )

    @rule(age_units=ages, limit=limits)
    def claim_overtaken(self, age_units: int, limit: int) -> None:
        self.start_another("priority", age_units)
        self.claim_lost("priority", False, limit)

    @invariant()
    def open_ones_are_those_that_are_pending(self) -> None:
        assert_open_are_pending(self.state)

    @invariant()
    def what_is_closed_stays_so(self) -> None:
        for before, after in self.changes:
            for task_id, was in before.notifications.items():
                if was.status != NotificationStatus.PENDING:
                    assert after.notifications[task_id] == was
        self.changes.clear()


def test_notifications(worlds: Worlds, runner: asyncio.Runner) -> None:
    run_state_machine_as_test(
        lambda: NotificationLife(worlds, runner), settings=settings(PROFILE, max_examples=20)
    )
