"""What the harness's commands share."""

import shlex
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

import httpx
from redis.exceptions import RedisError
from rich.console import Console

from testing.faults import FaultDidNotTakeHold
from testing.stack import StackFailed
from testing.waiting import TimedOut

ROOT = Path(__file__).parents[1]
#: What says nothing about the shop, and is told in its own words; of all else the origin is shown.
BREAKS = (
    *(StackFailed, TimedOut, FaultDidNotTakeHold),
    *(RedisError, httpx.HTTPError, OSError, ImportError),
)


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


def again(module: str, *options: str) -> str:
    """The command that runs `module` by this Python, from the folder where it was run."""
    python, here = Path(sys.executable), Path.cwd()
    if python.is_relative_to(here):
        python = python.relative_to(here)
    return shlex.join([str(python), "-m", module, *options])


def show_origin(console: Console, error: Exception, *known: type[Exception]) -> None:
    """Print where an error came from, unless it is one of `BREAKS` or `known`.

    A command that left it to Python would end with 1, which says that a promise was broken.
    """
    if not isinstance(error, BREAKS + known):
        console.print_exception()


def interrupt_on_sigterm() -> None:
    """As Ctrl-C: everything is healed and ended on the way out."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt
