"""What the harness's commands share."""

import signal
import subprocess
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).parents[1]


def commit() -> str:
    """Short hash of what is checked out, `unknown` outside a repository."""
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or "unknown"


def interrupt_on_sigterm() -> None:
    """As Ctrl-C: everything is healed and ended on the way out."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt
