"""How a timing program talks to whoever started it: a line in, a line out."""

import sys
from collections.abc import Callable

#: Said once, when everything is loaded and warm.
READY = "ready"
#: Asked for; answered by the seconds that it took.
RUN = "run"


def serve(run: Callable[[], float]) -> None:
    """Answer each `run` by its seconds, until standard input is closed.

    It ends with whoever started it, even one that was killed: its end of the pipe closes.
    """
    _say(READY)
    for line in sys.stdin:
        if line.strip() != RUN:
            raise SystemExit(f"not understood: {line.strip()!r}")
        _say(f"{run():.9f}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
