"""Ends the services of a supervisor that was killed: a program of its own, free of the package.

The supervisor names each service's process group on standard input, `+GROUP` when it starts and
`-GROUP` when it has ended. When the input ends, so has the supervisor, however that came about.
"""

import os
import signal
import sys
import time
from collections.abc import Callable

#: How long services may take to end on SIGTERM before they are killed.
STOP_WITHIN_S = 4.0
KILLED_WITHIN_S = 2.0
POLL_EVERY_S = 0.05


def main() -> None:
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        _sent(os.kill, group, signal.SIGTERM)
    _wait_until_gone(groups, STOP_WITHIN_S)
    for group in groups:
        _sent(os.killpg, group, signal.SIGKILL)
    # Whoever finds the lock free that this process holds may take their place.
    _wait_until_gone(groups, KILLED_WITHIN_S)


def _wait_until_gone(groups: set[int], within_s: float) -> None:
    give_up_s = time.monotonic() + within_s
    while any(_sent(os.killpg, group, 0) for group in groups) and time.monotonic() < give_up_s:
        time.sleep(POLL_EVERY_S)


def _sent(send: Callable[[int, int], None], target: int, signum: int) -> bool:
    """Whether there was anything to send it to."""
    try:
        send(target, signum)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
