"""When a message is taken ahead of its turn."""

import pytest

from shop.adapters.celery import pace as pace_module
from shop.adapters.celery.pace import REMEMBERED_S, SOON_S, Pace


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(pace_module.time, "monotonic", lambda: now[0])
    return now


def run(pace: Pace, now: list[float], took_s: float) -> None:
    pace.begin("tag")
    now[0] += took_s
    pace.end("tag")


def test_not_before_one_was_seen(now: list[float]) -> None:
    assert now
    assert not Pace().is_short()


def test_while_tasks_are_short(now: list[float]) -> None:
    pace = Pace()
    run(pace, now, 0.01)

    assert pace.is_short()
    now[0] += REMEMBERED_S + 0.1
    assert not pace.is_short()


def test_not_while_a_long_one_runs(now: list[float]) -> None:
    pace = Pace()
    run(pace, now, 0.01)
    pace.begin("long")
    now[0] += 2 * SOON_S

    assert not pace.is_short()


def test_not_soon_after_a_long_one(now: list[float]) -> None:
    pace = Pace()
    run(pace, now, 2 * SOON_S)
    run(pace, now, 0.01)
    assert not pace.is_short()

    now[0] += REMEMBERED_S
    run(pace, now, 0.01)
    assert pace.is_short()
