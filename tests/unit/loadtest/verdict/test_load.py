"""A load that cannot be served is refused before it is offered, and the sum is shown."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.schedule import Rates
from loadtest.verdict.load import Load, check_drain, check_load

LOAD = Load(
    rates=Rates(probes_per_s=25, orders_per_s=40),
    notification_ms=100,
    order_ms=200,
    priority_slots=32,
    default_slots=2,
)


def test_a_load_that_can_be_served_shows_its_sum() -> None:
    found = check_load(LOAD)

    assert found.holds
    assert found.detail == (
        "25 probes/s + 10 orders/s x 1 notifications = 35/s, x 100 ms = 3.50 of 32 slots "
        "of priority; at most 22.40 (70%)"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"priority_slots": 4},
        {"notification_ms": 1_000},
        {"rates": Rates(probes_per_s=250, orders_per_s=40)},
        {"notifications_per_order": 20},
        # Short orders: all that are offered are done, and each has its notification.
        {"order_ms": 1, "rates": Rates(probes_per_s=25, orders_per_s=300)},
        # How long an order takes is unknown: all of them may be done.
        {"order_ms": 0, "rates": Rates(probes_per_s=25, orders_per_s=300)},
        {"rates": Rates(probes_per_s=0, orders_per_s=40)},
    ],
)
def test_what_cannot_be_served_is_refused(change: dict[str, object]) -> None:
    assert not check_load(replace(LOAD, **change)).holds  # type: ignore[arg-type]


def test_orders_that_default_cannot_do_send_no_notifications() -> None:
    more = replace(LOAD, rates=Rates(probes_per_s=25, orders_per_s=4_000))

    assert more.notifications_per_s == LOAD.notifications_per_s


@given(st.floats(0.1, 1_000), st.floats(0, 1_000), st.floats(0, 10_000), st.integers(1, 100))
def test_more_slots_never_turn_yes_into_no(
    probes: float, orders: float, notification_ms: float, slots: int
) -> None:
    load = replace(
        LOAD,
        rates=Rates(probes, orders),
        notification_ms=notification_ms,
        priority_slots=slots,
    )

    assert check_load(load).holds <= check_load(replace(load, priority_slots=slots + 1)).holds


def test_a_flood_leaves_what_was_not_done_meanwhile() -> None:
    """40 orders/s of 200 ms by 2 at once: 10 s of flood are 40 s of work."""
    found = check_drain(LOAD, flood_s=10, within_s=60)

    assert found.holds
    assert found.detail == (
        "10 s of 40 orders/s x 200 ms, by 2 at once, leave 30 s of work; at most 30 s"
    )
    assert not check_drain(LOAD, flood_s=10, within_s=59).holds


def test_a_flood_that_is_done_as_it_comes_leaves_nothing() -> None:
    assert replace(LOAD, order_ms=40).drain_s(flood_s=10) == 0
