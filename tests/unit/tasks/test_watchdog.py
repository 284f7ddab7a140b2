"""When a worker counts as stuck."""

from dataclasses import dataclass

import pytest

from shop.domain.errors import PublishFailed
from shop.tasks.watchdog import Watchdog

STALL_AFTER_S = 30.0


@dataclass
class Worker:
    """What the watchdog sees of a worker, and a clock."""

    now_s: float = 1_000.0
    started: int = 0
    busy: bool = False
    waiting: bool = False
    broker_is_away: bool = False

    def has_work(self) -> bool:
        if self.broker_is_away:
            raise PublishFailed("refused")
        return self.waiting

    def watchdog(self) -> Watchdog:
        return Watchdog(
            stall_after_s=STALL_AFTER_S,
            has_work=self.has_work,
            started=lambda: self.started,
            is_busy=lambda: self.busy,
            now_s=lambda: self.now_s,
        )

    def stalls(self, watchdog: Watchdog, after_s: float) -> bool:
        """Look every second, and whether the last look told of a stall."""
        stalled = False
        for _ in range(round(after_s)):
            assert not stalled, "told too early"
            self.now_s += 1
            stalled = watchdog.is_stalled()
        return stalled


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def watchdog(worker: Worker) -> Watchdog:
    watchdog = worker.watchdog()
    assert not watchdog.is_stalled()
    return watchdog


def test_work_that_nobody_starts_is_a_stall(worker: Worker, watchdog: Watchdog) -> None:
    worker.waiting = True

    assert not worker.stalls(watchdog, STALL_AFTER_S - 1)
    assert worker.stalls(watchdog, 1)


def test_an_idle_worker_is_not_stuck(worker: Worker, watchdog: Watchdog) -> None:
    assert not worker.stalls(watchdog, 10 * STALL_AFTER_S)


def test_a_long_task_is_no_stall(worker: Worker, watchdog: Watchdog) -> None:
    worker.waiting = worker.busy = True

    assert not worker.stalls(watchdog, 10 * STALL_AFTER_S)


def test_each_start_is_progress(worker: Worker, watchdog: Watchdog) -> None:
    worker.waiting = True
    for _ in range(5):
        assert not worker.stalls(watchdog, STALL_AFTER_S - 1)
        worker.started += 1

    assert not worker.stalls(watchdog, STALL_AFTER_S)
    assert worker.stalls(watchdog, 1)


def test_work_that_came_only_now_is_given_its_time(worker: Worker, watchdog: Watchdog) -> None:
    worker.stalls(watchdog, 10 * STALL_AFTER_S)
    worker.waiting = True

    assert not worker.stalls(watchdog, STALL_AFTER_S - 1)


def test_while_the_broker_is_away_nobody_can_start_anything(
    worker: Worker, watchdog: Watchdog
) -> None:
    worker.waiting = worker.broker_is_away = True
    for _ in range(100):
        worker.now_s += 1
        with pytest.raises(PublishFailed):
            watchdog.is_stalled()
    worker.broker_is_away = False

    assert not worker.stalls(watchdog, STALL_AFTER_S - 1)
    assert worker.stalls(watchdog, 1)
