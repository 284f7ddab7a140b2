"""What a chaos run does to its shop: which worker it kills, and what has to be slow for that."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from testing.chaos import runner
from testing.chaos.plan import Disturbance, Plan, Profile
from testing.chaos.runner import MAIL_TAKES_S, Run
from testing.faults import FaultDidNotTakeHold, WorkerKilled
from testing.stack import WORKER_DEFAULT, WORKER_PRIORITY

#: Nothing but workers that are killed, at once.
PROFILE = Profile("kills", 0, 1.0, 0, 4, 0, 0, 0, (0.0, 0.0))


class SlowSink:
    def __init__(self) -> None:
        self.delay_s = 0.0

    @contextmanager
    def delaying(self, delay_s: float) -> Iterator[None]:
        self.delay_s, earlier = delay_s, self.delay_s
        try:
            yield
        finally:
            self.delay_s = earlier


@pytest.fixture
def disturb(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., list[tuple[str, float]]]:
    """Of each try the worker, and how slow mail is while its fault looks for a task in hand."""
    monkeypatch.setattr(runner, "owed", lambda _: 0)

    def disturb(*errors: Exception) -> list[tuple[str, float]]:
        seen: list[tuple[str, float]] = []
        sink = SlowSink()
        to_raise = list(errors)

        @contextmanager
        def fault(disturbance: Disturbance, *_: Any) -> Iterator[None]:
            seen.append((disturbance.worker, sink.delay_s))
            if to_raise:
                raise to_raise.pop()
            yield

        monkeypatch.setattr(runner, "_fault", fault)
        stack: Any = SimpleNamespace(services=[])
        driver: Any = SimpleNamespace(is_done=False, orders=0)
        history: Any = None
        of_mail: Any = sink
        Run(Plan(1, PROFILE), tmp_path)._disturb(stack, driver, history, of_mail)
        assert sink.delay_s == 0
        return seen

    return disturb


def test_mail_is_slow_while_a_fault_looks_for_one_under_way(
    disturb: Callable[..., list[tuple[str, float]]],
) -> None:
    seen = disturb()

    assert len(seen) == PROFILE.worker_kills
    assert set(seen) == {(WORKER_DEFAULT, 0.0), (WORKER_PRIORITY, MAIL_TAKES_S)}


def test_and_at_each_try(disturb: Callable[..., list[tuple[str, float]]]) -> None:
    plain = disturb()
    seen = disturb(FaultDidNotTakeHold("no"), FaultDidNotTakeHold("no"))

    assert seen == [plain[0], plain[0], *plain]


@pytest.mark.parametrize("worker", [WORKER_DEFAULT, WORKER_PRIORITY])
def test_the_worker_of_the_plan_is_killed(worker: str) -> None:
    asked: list[str] = []
    stack: Any = SimpleNamespace(service=asked.append)
    nothing: Any = None
    disturbance = Disturbance(WorkerKilled.name, 0.0, 0.0, worker)

    fault = runner._fault(disturbance, 1, 0, stack, nothing, nothing)

    assert isinstance(fault, WorkerKilled)
    assert asked == [worker]
