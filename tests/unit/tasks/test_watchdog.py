"""The watchdog judges by what it sees: work that waits, and tasks that start."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread

import pytest
from kombu.asynchronous import Hub

from shop.domain.errors import PublishFailed
from shop.tasks.watchdog import LoopPulse, Watchdog
from testing.waiting import wait_for


@dataclass
class Worker:
    """What a watchdog sees of one, with a clock of its own."""

    waiting: bool = True
    started: int = 0
    busy: bool = False
    broker_is_away: bool = False
    now_s: float = 0.0

    def has_work(self) -> bool:
        if self.broker_is_away:
            raise PublishFailed("away")
        return self.waiting


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def watchdog(worker: Worker) -> Watchdog:
    return Watchdog(
        stall_after_s=20.0,
        has_work=worker.has_work,
        started=lambda: worker.started,
        is_busy=lambda: worker.busy,
        now_s=lambda: worker.now_s,
    )


def watch(watchdog: Watchdog, worker: Worker, until_s: float) -> bool:
    """Look once a second; whether it was ever stalled."""
    while worker.now_s < until_s:
        worker.now_s += 1.0
        if watchdog.is_stalled():
            return True
    return False


def test_work_that_nobody_starts_is_a_stall_after_the_limit(
    watchdog: Watchdog, worker: Worker
) -> None:
    assert not watch(watchdog, worker, until_s=20.0)
    assert watch(watchdog, worker, until_s=22.0)


def test_an_empty_queue_is_no_stall(watchdog: Watchdog, worker: Worker) -> None:
    worker.waiting = False

    assert not watch(watchdog, worker, until_s=100.0)


def test_a_worker_that_starts_tasks_is_not_stalled(watchdog: Watchdog, worker: Worker) -> None:
    for until_s in range(15, 150, 15):
        worker.started += 1
        assert not watch(watchdog, worker, until_s=until_s)


def test_a_long_task_is_no_stall(watchdog: Watchdog, worker: Worker) -> None:
    worker.busy = True

    assert not watch(watchdog, worker, until_s=100.0)
    worker.busy = False
    assert not watch(watchdog, worker, until_s=119.0)
    assert watch(watchdog, worker, until_s=121.0)


def test_while_the_broker_is_away_nobody_is_to_blame(watchdog: Watchdog, worker: Worker) -> None:
    assert not watch(watchdog, worker, until_s=15.0)
    worker.broker_is_away = True
    worker.now_s = 60.0
    with pytest.raises(PublishFailed):
        watchdog.is_stalled()

    worker.broker_is_away = False
    assert not watch(watchdog, worker, until_s=79.0)
    assert watch(watchdog, worker, until_s=81.0)


@pytest.mark.parametrize("slept_s", [7.0, 3_600.0])
def test_time_that_was_slept_through_does_not_count(
    watchdog: Watchdog, worker: Worker, slept_s: float
) -> None:
    assert not watch(watchdog, worker, until_s=15.0)
    worker.now_s += slept_s

    assert not watchdog.is_stalled()
    # It has had a few seconds since to be found busy, or at rest.
    assert watch(watchdog, worker, until_s=worker.now_s + 20.0)


class TestTheLoopsPulse:
    def test_a_loop_that_goes_round_is_felt(self, worker: Worker) -> None:
        asked: list[Callable[[], None]] = []
        pulse = LoopPulse(asked.append, lambda: worker.now_s)

        worker.now_s = 2.0
        assert pulse.silent_s() == 2.0
        worker.now_s = 3.0
        asked.pop()()
        assert pulse.silent_s() == 0.0

    def test_a_loop_that_hangs_is_asked_once_and_falls_silent(self, worker: Worker) -> None:
        asked: list[Callable[[], None]] = []
        pulse = LoopPulse(asked.append, lambda: worker.now_s)

        for worker.now_s in (1.0, 2.0, 3.0):
            assert pulse.silent_s() == worker.now_s
        assert len(asked) == 1

    def test_it_beats_in_the_hub_of_a_worker(self) -> None:
        hub = Hub()
        turns = Thread(target=hub.run_forever, daemon=True)
        turns.start()
        pulse = LoopPulse(hub.call_soon)
        try:
            time.sleep(0.05)
            wait_for("the loop is felt", lambda: pulse.silent_s() < 0.05, within_s=5.0)
        finally:
            hub.call_soon(hub.stop)
            turns.join(5.0)
            hub.close()
        assert not turns.is_alive()
