"""Modules stay small enough to be read at one sitting."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
#: A smell, not a wall: a flow that is cut in pieces to stay below it reads worse than a longer one.
MAX_LINES = 400


def test_no_module_is_longer_than_a_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for room in ("loadtest", "shop", "testing")
        for path in (ROOT / room).rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}
