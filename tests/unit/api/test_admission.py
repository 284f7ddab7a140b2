"""How many orders are taken, and when the others are refused."""

import asyncio
from itertools import pairwise

import pytest

from shop.api import admission
from shop.api.admission import MAX_REFUSAL_S, MIN_IN_HAND, AdmissionController


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(admission, "time", clock)
    return clock


def test_refusals_come_as_far_apart_as_orders_are_placed_and_none_later_than_it_may(
    clock: Clock,
) -> None:
    controller = AdmissionController(limit=1)
    controller.limiter.service_time_s = 0.01
    delays_s = [controller.refusal_delay_s() for _ in range(500)]

    steps_s = [after - before for before, after in pairwise(delays_s)]
    assert delays_s[0] == pytest.approx(admission.MIN_REFUSAL_S)
    assert steps_s[:50] == pytest.approx([0.01] * 50)
    assert max(delays_s) == pytest.approx(MAX_REFUSAL_S)
    assert delays_s[-1] == pytest.approx(MAX_REFUSAL_S)


@pytest.mark.parametrize("service_time_s", [0.0001, 0.0005, 0.003, 0.05])
def test_as_many_are_taken_as_are_placed_in_a_fraction_of_a_second(service_time_s: float) -> None:
    controller = AdmissionController(limit=0)
    controller.limiter.service_time_s = service_time_s
    while not controller.refuses():
        controller.admit()

    wanted = max(MIN_IN_HAND, admission.TARGET_WAIT_S / service_time_s)
    assert controller.in_hand == pytest.approx(wanted, abs=1)


def test_the_setting_bounds_them_whatever_is_measured() -> None:
    controller = AdmissionController(limit=100)
    controller.limiter.service_time_s = 0.0001
    while not controller.refuses():
        controller.admit()

    assert controller.in_hand == 100


async def test_the_service_time_is_measured(clock: Clock) -> None:
    limiter = AdmissionController(limit=0).limiter
    takers = [asyncio.create_task(limiter.acquire()) for _ in range(4_000)]
    await asyncio.sleep(0)

    for _ in range(2_000):
        clock.now_s += 0.004
        limiter.release()
        await asyncio.sleep(0)

    assert limiter.service_time_s == pytest.approx(0.004, rel=0.01)
    for taker in takers:
        taker.cancel()
    await asyncio.gather(*takers, return_exceptions=True)
