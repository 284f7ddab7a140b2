"""Drills, once each: they measure, and what they measure is kept. `python -m testing.drills`."""

from pathlib import Path

import pytest

from testing.drills import answering, resuming, taking_up
from testing.drills.drill import Drill

DRILLS: dict[str, Drill] = {
    "taking-up": taking_up.run,
    "resuming": resuming.run,
    "answering": answering.run,
}


@pytest.mark.parametrize("name", DRILLS)
def test_promises_are_kept(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # So long that attempts to connect which come less and less often would be found out.
    monkeypatch.setattr(resuming, "AWAY_S", (13.0,))
    said: list[str] = []

    result = DRILLS[name](tmp_path, times=1, seed=1, on_progress=said.append)

    assert said
    assert result.is_kept, result
