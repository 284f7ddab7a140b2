"""Removes a session's containers and networks when the session has ended, however it ended.

A program of its own: it waits for the end of its standard input, whose other end is held by the
session. Testcontainers has a container for this; a process needs no image and no rights.
"""

import atexit
import subprocess
import sys
from functools import cache

#: What Testcontainers labels everything with that it makes.
LABEL = "org.testcontainers.session-id"
REMOVED_WITHIN_S = 60.0


@cache
def ensure_reaper(session_id: str) -> "subprocess.Popen[bytes]":
    """Start the reaper of `session_id`, once; a session that ends by itself waits for it."""
    reaper = start_reaper(session_id)
    atexit.register(reaper.communicate, timeout=REMOVED_WITHIN_S)
    return reaper


def start_reaper(session_id: str) -> "subprocess.Popen[bytes]":
    """A reaper of what bears the label of `session_id`; closing its standard input sets it off."""
    return subprocess.Popen(
        [sys.executable, __file__, session_id],
        stdin=subprocess.PIPE,
        # What ends the session, such as Ctrl-C, must not end its reaper.
        start_new_session=True,
    )


def remove_all(session_id: str) -> None:
    """Remove all that bears the label of `session_id`."""
    label = f"label={LABEL}={session_id}"
    containers = _docker("ps", "--all", "--quiet", "--filter", label)
    if containers:
        _docker("rm", "--force", "--volumes", *containers)
    networks = _docker("network", "ls", "--quiet", "--filter", label)
    if networks:
        _docker("network", "rm", *networks)


def _docker(*command: str) -> list[str]:
    # Nobody is there to hear of a failure, and what is gone already is no failure.
    done = subprocess.run(["docker", *command], check=False, capture_output=True, text=True)
    return done.stdout.split()


if __name__ == "__main__":
    sys.stdin.read()
    remove_all(sys.argv[1])
