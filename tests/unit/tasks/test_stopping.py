"""How a worker that is told to stop ends, with a fake in the place of Celery's."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest
from billiard.context import Process
from billiard.process import active_children
from celery.worker import state

from shop.tasks import stopping
from shop.tasks.stopping import SIGNALS, Stopping, unsettled
from testing.waiting import wait_for

LONG_S = 60.0


@dataclass(eq=False)
class FakeRequest:
    """A task in hand."""

    acknowledged: bool = False


@dataclass
class FakeWorker:
    """Has an event loop that a test turns by hand, and ends when it is told to."""

    calls: SimpleQueue[Callable[[], None]] = field(default_factory=SimpleQueue)
    cancelled: int = 0
    connection: object | None = field(default_factory=object)

    def __post_init__(self) -> None:
        self.hub = SimpleNamespace(call_soon=self.calls.put)
        self.blueprint = SimpleNamespace(shutdown_complete=threading.Event())
        self.consumer = SimpleNamespace(
            connection=self.connection,
            connection_errors=(),
            channel_errors=(),
            task_consumer=SimpleNamespace(cancel=self._cancel),
        )

    def turn_until(self, condition: Callable[[], bool]) -> None:
        """Let its event loop go on."""

        def turn() -> bool:
            with suppress(Empty):
                self.calls.get_nowait()()
            return condition()

        wait_for("the event loop has seen it", turn, within_s=5)

    def _cancel(self) -> None:
        self.cancelled += 1


@pytest.fixture(autouse=True)
def _celery_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = {signum: signal.getsignal(signum) for signum in SIGNALS}
    monkeypatch.setattr(state, "should_terminate", None)
    monkeypatch.setattr(stopping, "LOOK_EVERY_S", 0.001)
    # What would begin this process anew.
    monkeypatch.setattr(stopping.atexit, "register", lambda _: None)
    monkeypatch.setattr(stopping.os, "execv", lambda *_: None)
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


@pytest.fixture
def in_hand(monkeypatch: pytest.MonkeyPatch) -> set[FakeRequest]:
    """What the worker has received."""
    requests: set[FakeRequest] = set()
    monkeypatch.setattr(state, "reserved_requests", requests)
    return requests


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Exit codes with which the process would have ended at once."""
    codes: list[int] = []
    monkeypatch.setattr(stopping.os, "_exit", codes.append)
    monkeypatch.setattr(stopping.logging, "shutdown", lambda: None)
    return codes


def started(worker: FakeWorker) -> Stopping:
    step = Stopping(worker)
    step.start(worker)
    return step


def is_told_to_end() -> bool:
    return state.should_terminate == os.EX_OK and state.should_terminate is not False


@pytest.mark.parametrize("signum", SIGNALS)
def test_it_takes_no_more_and_ends_when_nothing_is_in_hand(
    signum: signal.Signals,
    in_hand: set[FakeRequest],
    exits: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stopping, "SOFT_SHUTDOWN_S", LONG_S)
    worker, request = FakeWorker(), FakeRequest()
    in_hand.add(request)
    started(worker)

    signal.raise_signal(signum)
    worker.turn_until(lambda: worker.cancelled > 2)
    assert state.should_terminate is None

    # Celery forgets a task when it has ended, and only then tells the broker.
    in_hand.clear()
    seen = worker.cancelled
    worker.turn_until(lambda: worker.cancelled > seen + 2)
    assert state.should_terminate is None

    request.acknowledged = True
    worker.turn_until(is_told_to_end)
    assert exits == []


def test_what_takes_too_long_is_handed_back(
    in_hand: set[FakeRequest], exits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "SOFT_SHUTDOWN_S", 0.05)
    worker = FakeWorker()
    in_hand.add(FakeRequest())
    started(worker)

    signal.raise_signal(signal.SIGTERM)
    worker.turn_until(is_told_to_end)
    assert exits == []

    # The connection is closed by then, which gives the messages back.
    worker.blueprint.shutdown_complete.set()
    wait_for("the process ends", lambda: exits == [os.EX_OK], within_s=5)


def test_a_loop_that_stands_still_does_not_hold_it_up(
    in_hand: set[FakeRequest], exits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "SOFT_SHUTDOWN_S", 0.05)
    worker = FakeWorker()
    started(worker)

    signal.raise_signal(signal.SIGTERM)
    wait_for("it is told to end", is_told_to_end, within_s=5)
    worker.blueprint.shutdown_complete.set()
    wait_for("the process ends", lambda: exits == [os.EX_OK], within_s=5)


def test_a_worker_that_looks_for_its_broker_ends_at_once(
    in_hand: set[FakeRequest], exits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "SOFT_SHUTDOWN_S", LONG_S)
    worker = FakeWorker()
    worker.consumer.connection = None
    started(worker)

    signal.raise_signal(signal.SIGTERM)

    assert is_told_to_end()


def test_the_handler_waits_for_nothing(
    in_hand: set[FakeRequest], exits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs while the main thread holds whatever lock it holds, and may be interrupted itself."""
    monkeypatch.setattr(stopping, "SOFT_SHUTDOWN_S", LONG_S)
    worker = FakeWorker()
    step = started(worker)
    asked = step._asked
    asks = 0

    class Interrupted:
        def set(self) -> None:
            nonlocal asks
            asks += 1
            signal.raise_signal(signal.SIGTERM)
            asked.set()

    step._asked = Interrupted()  # type: ignore[assignment]
    events_lock = threading.Lock()
    with events_lock:
        signal.raise_signal(signal.SIGTERM)

    assert asks == 1
    worker.turn_until(is_told_to_end)


def test_no_process_of_the_pool_is_left_to_wait_for() -> None:
    worker: Any = FakeWorker()
    process = Process(target=threading.Event().wait)
    process.start()
    assert process in active_children()

    Stopping(worker).terminate(worker)

    assert process.exitcode == -signal.SIGKILL
    assert active_children() == []


def test_what_is_acknowledged_is_in_hand_no_more() -> None:
    settled, open_ = FakeRequest(acknowledged=True), FakeRequest()

    assert unsettled([settled, open_, open_]) == {open_}
