"""What Flower remembers of tasks, by Flower's own book-keeping and with real events."""

import gc
import pickle
import subprocess
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from celery.events.state import State, Task

from shop.adapters.flower_tasks import ForgettableTask

#: As the celery command does: Flower is loaded first, and tells of itself while it is built.
BUILT = """
import flower.app
from celery import Celery, signals
from shop.adapters.flower import guard_flower
from shop.adapters.flower_tasks import ForgettableTask

app = Celery("lab")
guard_flower(app, user="u", password=None)
signals.import_modules.send(sender=app)
assert flower.events.EventsState.Task is ForgettableTask
"""


class Remembering(State):  # type: ignore[misc]
    Task = ForgettableTask


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def heard_of(state: State, uuid: str, clock: int) -> Task:
    """A task that was received and then succeeded."""
    what = {"uuid": uuid, "root_id": uuid, "hostname": "default@h", "pid": 1, "utcoffset": 0}
    for number, kind in enumerate(("task-received", "task-succeeded")):
        times: dict[str, Any] = {"timestamp": 1.0 + number, "local_received": 1.0 + number}
        state.event({"type": kind, "clock": clock + number, "name": "t", **what, **times})
    return state.tasks[uuid]


def test_flower_remembers_such() -> None:
    done = subprocess.run([sys.executable, "-c", BUILT], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("no_collector")
def test_a_task_that_is_dropped_is_gone_without_the_collector() -> None:
    state = Remembering(max_tasks_in_memory=1)
    first = weakref.ref(task := heard_of(state, "a", 1))
    assert task.as_dict()["root"] == "a"
    assert task.root is task
    del task
    heard_of(state, "b", 3)
    assert first() is None


@pytest.mark.usefixtures("no_collector")
def test_celery_s_own_still_needs_the_collector() -> None:
    state = State(max_tasks_in_memory=1)
    first = weakref.ref(heard_of(state, "a", 1))
    heard_of(state, "b", 3)
    assert first() is not None, "celery.events.state.Task has no cycle: ForgettableTask can go"


def test_it_shows_what_celery_s_own_shows() -> None:
    own, forgettable = (heard_of(kind(), "a", 1).as_dict() for kind in (State, Remembering))
    assert own.pop("worker") == forgettable.pop("worker")
    assert forgettable == own
    assert own["state"] == "SUCCESS"


def test_it_can_be_kept_in_a_file() -> None:
    task = heard_of(Remembering(), "a", 1)
    task.worker = None
    kept = pickle.loads(pickle.dumps(task))
    assert isinstance(kept, ForgettableTask)
    assert kept.as_dict() == task.as_dict()
