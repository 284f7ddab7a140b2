"""Timers that were called off are thrown away; the others go off when they are due."""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from kombu.asynchronous.timer import Timer

from shop.tasks import timers
from shop.tasks.timers import TidyTimers, tidy


def run(timer: Any, until: Callable[[], bool]) -> None:
    """As the worker's event loop does."""
    ends_s = time.monotonic() + 5
    for _, entry in timer:
        assert time.monotonic() < ends_s
        if entry is not None:
            timer.apply_entry(entry)
        if until():
            return


def test_what_was_called_off_is_not_kept() -> None:
    timer: Any = Timer()
    kept = timer.call_after(300, print)
    for _ in range(1_000):
        timer.call_after(300, print).cancel()
    assert len(timer) == 1_001

    tidy(timer)

    assert [scheduled.entry for scheduled in timer._queue] == [kept]


def test_what_is_left_goes_off_in_its_order() -> None:
    timer: Any = Timer()
    went_off: list[int] = []
    for number in (5, 3, 1, 4, 2):
        timer.call_after(number / 100, went_off.append, (number,))
        timer.call_after(number / 100, went_off.append, (-number,)).cancel()
    # By one of the timers, as in the worker.
    timer.call_after(0, tidy, (timer,))

    run(timer, until=lambda: len(went_off) == 5)

    assert went_off == [1, 2, 3, 4, 5]


def test_a_worker_does_so_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "TIDY_EVERY_S", 0.01)
    timer: Any = Timer()
    consumer = SimpleNamespace(hub=SimpleNamespace(timer=timer))
    step: Any = TidyTimers(consumer)

    step.start(consumer)
    for _ in range(3):
        timer.call_after(300, print).cancel()
        run(timer, until=lambda: len(timer) == 1)
    step.stop(consumer)

    run(timer, until=lambda: len(timer) == 0)


def test_where_there_is_no_event_loop_nothing_is_touched() -> None:
    consumer = SimpleNamespace(hub=None)
    step: Any = TidyTimers(consumer)

    step.start(consumer)
    step.stop(consumer)
