"""What a worker does beside its tasks, with fakes in the place of its services."""

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery import signals
from kombu.utils.limits import TokenBucket

from shop.domain.errors import PublishFailed, StoreUnavailable
from shop.domain.work import Restraints
from shop.tasks import housekeeping
from shop.tasks.housekeeping import Housekeeping, alive_file
from shop.tasks.watchdog import Watchdog
from testing.fakes import FakePresence, FakePublisher, FakeReadiness, FakeStore
from testing.waiting import wait_for

Run = Callable[..., AbstractContextManager[None]]


class FakeSweep:
    """Counts its runs; raises `error` if one is set."""

    def __init__(self) -> None:
        self.runs = 0
        self.error: Exception | None = None
        #: True: it finds more lost work as long as it may go on.
        self.is_endless = False

    def run(self, may_go_on: Callable[[], bool]) -> None:
        self.runs += 1
        while self.is_endless and may_go_on():
            pass
        if self.error is not None:
            raise self.error


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "BEAT_EVERY_S", 0.01)
    monkeypatch.setattr(housekeeping, "WATCH_EVERY_S", 0.01)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def sweep() -> FakeSweep:
    return FakeSweep()


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


@pytest.fixture
def consumer() -> SimpleNamespace:
    """Celery's, with the rate limits that it keeps."""
    return SimpleNamespace(task_buckets={"process_order": None})


@pytest.fixture
def consumed() -> dict[str, None]:
    """The queues that Celery consumes from."""
    return {}


@pytest.fixture
def run(
    store: FakeStore,
    sweep: FakeSweep,
    publisher: FakePublisher,
    consumer: SimpleNamespace,
    consumed: dict[str, None],
) -> Run:
    """Run the housekeeping of a worker for as long as the block lasts."""

    @contextmanager
    def running(
        queue: str = "default",
        *,
        sweep_every_s: float = 0.01,
        stall_after_s: float = 0.0,
        run_dir: Path | None = None,
        consumes: bool = True,
        loop_hangs: bool = False,
    ) -> Iterator[None]:
        consumed[queue] = None
        services = SimpleNamespace(
            presence=FakePresence(store),
            sweep=sweep,
            publisher=publisher,
            sweep_every_s=sweep_every_s,
            stall_after_s=stall_after_s,
            run_dir=run_dir,
        )
        app = SimpleNamespace(
            tasks={"process_order": SimpleNamespace(rate_limit="1/m")},
            amqp=SimpleNamespace(queues=SimpleNamespace(consume_from=consumed)),
            services=lambda: services,
        )
        # Its event loop goes round whenever it is asked, or never.
        hub = SimpleNamespace(call_soon=lambda callback: None if loop_hangs else callback())
        worker = SimpleNamespace(app=app, hostname=f"{queue}@test", hub=hub, consumer=consumer)
        step = Housekeeping(worker)
        step.start(worker)
        if consumes:
            signals.worker_ready.send(sender=None)
        yield
        step.stop(worker)

    return running


def test_a_worker_that_has_not_reached_its_queue_is_not_seen(
    run: Run, store: FakeStore, sweep: FakeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "READY_POLL_S", 0.001)
    asked = iter(range(20))

    class Asked(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            next(asked, None)
            return super().wait(timeout)

    monkeypatch.setattr(housekeeping.threading, "Event", Asked)
    with run(consumes=False):
        wait_for("it has asked often", lambda: next(asked, None) is None, within_s=5)

    assert (store.workers, sweep.runs) == ({}, 0)


async def test_a_worker_is_seen_while_it_runs_and_not_afterwards(
    run: Run, store: FakeStore
) -> None:
    readiness = FakeReadiness(store)
    with run("priority"):
        wait_for("it beats", lambda: store.workers.get("priority"), within_s=5)
        assert await readiness.missing() == ["worker:default"]

    assert await readiness.missing() == ["worker:default", "worker:priority"]


def test_each_beat_touches_a_file_for_health_checks(run: Run, tmp_path: Path) -> None:
    with run("priority", run_dir=tmp_path):
        wait_for("the file is there", alive_file(tmp_path, "priority").exists, within_s=5)

    assert [path.name for path in tmp_path.iterdir()] == ["worker-priority.alive"]


def test_the_default_worker_sweeps_again_and_again(run: Run, sweep: FakeSweep) -> None:
    with run("default"):
        wait_for("it sweeps", lambda: sweep.runs >= 3, within_s=5)


def test_a_worker_is_seen_during_a_long_sweep_which_its_stop_ends(
    run: Run, store: FakeStore, sweep: FakeSweep
) -> None:
    sweep.is_endless = True
    with run("default"):
        wait_for("it sweeps", lambda: sweep.runs > 0, within_s=5)
        store.clock.advance(60_000)
        wait_for(
            "it beats",
            lambda: store.workers.get("default") == {"default@test": store.clock.now_ms},
            within_s=5,
        )

    assert (sweep.runs, store.workers["default"]) == (1, {})


def test_a_stuck_worker_is_ended_during_a_long_sweep(
    run: Run, sweep: FakeSweep, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[bool] = []
    monkeypatch.setattr(housekeeping, "end_worker", lambda: ended.append(True))
    publisher.busy = {"default"}
    sweep.is_endless = True
    with run("default", stall_after_s=0.05):
        wait_for("it is ended", lambda: bool(ended), within_s=5)

    assert sweep.runs == 1


@pytest.mark.parametrize(("queue", "sweep_every_s"), [("priority", 0.01), ("default", 0.0)])
def test_elsewhere_and_when_that_is_off_nobody_sweeps(
    run: Run, store: FakeStore, sweep: FakeSweep, queue: str, sweep_every_s: float
) -> None:
    with run(queue, sweep_every_s=sweep_every_s):
        wait_for("it beats", lambda: store.workers.get(queue), within_s=5)
        # The clock stands still, so a beat is told from the next one by moving it.
        store.clock.advance(1)
        wait_for(
            "it beats again",
            lambda: store.workers[queue] == {f"{queue}@test": store.clock.now_ms},
            within_s=5,
        )

    assert sweep.runs == 0


@pytest.mark.parametrize("error", [StoreUnavailable("refused"), PublishFailed("refused")])
def test_an_outage_is_told_once_and_survived(
    run: Run, sweep: FakeSweep, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    sweep.error = error
    with caplog.at_level(logging.WARNING, logger="shop.tasks"), run("default"):
        wait_for("it has tried more than once", lambda: sweep.runs >= 3, within_s=5)
        told = [record.getMessage() for record in caplog.records]
        sweep.error, runs = None, sweep.runs
        wait_for("it goes on", lambda: sweep.runs > runs + 1, within_s=5)

    assert told == ["housekeeping waits for Redis: refused"]


def test_a_stuck_worker_is_ended(
    run: Run, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[bool] = []
    monkeypatch.setattr(housekeeping, "end_worker", lambda: ended.append(True))
    publisher.busy = {"default"}
    with run("default", stall_after_s=0.05):
        wait_for("it is ended", lambda: bool(ended), within_s=5)


def test_a_worker_whose_loop_hangs_is_ended_whatever_it_has_in_hand(
    run: Run, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[bool] = []
    monkeypatch.setattr(housekeeping, "end_worker", lambda: ended.append(True))
    monkeypatch.setattr(housekeeping, "running", [object()])
    publisher.busy = {"default"}
    with run("default", stall_after_s=0.05, loop_hangs=True):
        wait_for("it is ended", lambda: bool(ended), within_s=5)


def test_a_worker_that_runs_a_long_task_is_left_alone(
    run: Run, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "running", [object()])

    assert _is_left_alone(run, publisher, monkeypatch)


def test_a_paused_worker_is_left_alone_and_says_so(
    run: Run,
    publisher: FakePublisher,
    store: FakeStore,
    consumed: dict[str, None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert _is_left_alone(run, publisher, monkeypatch, consumed.clear)

    assert store.restraints["default", "default@test"] == Restraints(is_paused=True)


def test_a_worker_that_holds_messages_back_for_a_rate_limit_is_left_alone_and_says_so(
    run: Run,
    publisher: FakePublisher,
    store: FakeStore,
    consumer: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket = TokenBucket(1 / 60)
    bucket.add(object())
    consumer.task_buckets["process_order"] = bucket

    assert _is_left_alone(run, publisher, monkeypatch)

    told = store.restraints["default", "default@test"]
    assert told == Restraints(rate_limits={"process_order": "1/m"})


def test_a_worker_with_a_rate_limit_that_holds_nothing_back_may_be_stuck(
    run: Run,
    publisher: FakePublisher,
    consumer: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    consumer.task_buckets["process_order"] = TokenBucket(1 / 60)

    assert not _is_left_alone(run, publisher, monkeypatch)


def _is_left_alone(
    run: Run,
    publisher: FakePublisher,
    monkeypatch: pytest.MonkeyPatch,
    tell: Callable[[], object] = lambda: None,
) -> bool:
    """Whether the watchdog lets it be for many times as long as it has patience."""
    looks: list[float] = []
    ended: list[bool] = []
    is_stalled = Watchdog.is_stalled

    def look(watchdog: Watchdog) -> bool:
        looks.append(watchdog.now_s())
        return is_stalled(watchdog)

    monkeypatch.setattr(Watchdog, "is_stalled", look)
    monkeypatch.setattr(housekeeping, "end_worker", lambda: ended.append(True))
    publisher.busy = {"default"}
    with run("default", stall_after_s=0.05):
        tell()
        wait_for(
            "it has looked for long enough",
            lambda: bool(ended or (looks and looks[-1] - looks[0] > 0.5)),
            within_s=10,
        )
    return not ended


def test_another_queues_work_is_none_of_its_business(
    run: Run, publisher: FakePublisher, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    monkeypatch.setattr(housekeeping, "end_worker", lambda: looks.append("ended"))

    def is_idle(queue: str) -> bool:
        looks.append(queue)
        return True

    monkeypatch.setattr(publisher, "is_idle", is_idle)
    with run("priority", stall_after_s=0.05):
        wait_for("it has looked a few times", lambda: len(looks) >= 5, within_s=5)

    assert set(looks) == {"priority"}


NICENESS = """
import os, sys
from pathlib import Path
from types import SimpleNamespace
from shop.tasks.housekeeping import lower_cpu_priority

queues = SimpleNamespace(consume_from=sys.argv[1].split(","))
lower_cpu_priority(SimpleNamespace(app=SimpleNamespace(amqp=SimpleNamespace(queues=queues))))
group = Path("/proc/self/autogroup")
print(os.nice(0), group.read_text().split()[-1] if group.exists() else "none")
"""


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="needs Linux' autogroups")
@pytest.mark.parametrize(
    ("queues", "own_session", "found"),
    [
        ("default", True, ["10", "10"]),
        # The session is another's: a shell's, with whatever else runs in it.
        ("default", False, ["10", "0"]),
        ("priority", True, ["0", "0"]),
        ("default,priority", True, ["0", "0"]),
    ],
)
def test_only_the_default_worker_yields_and_its_session_with_it(
    queues: str, own_session: bool, found: list[str]
) -> None:
    python = [sys.executable, "-c", NICENESS, queues]
    # A session of its own either way, so that the test's is left alone.
    command = python if own_session else ["sh", "-c", '"$@" & wait', "sh", *python]

    said = subprocess.run(
        command, start_new_session=True, capture_output=True, text=True, check=True, timeout=60
    ).stdout

    assert said.split() == found
