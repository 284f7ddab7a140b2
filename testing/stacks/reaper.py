"""Removes a session's containers and networks when the session has ended, however it ended.

A program of its own: it waits for the end of its standard input, whose other end is held by the
session. Testcontainers has a container for this; a process needs no image and no rights.
"""

import subprocess
import sys
from contextlib import contextmanager
from collections.abc import Iterator
from functools import cache

from docker import DockerClient, from_env  # type: ignore[import-untyped]
from docker.errors import APIError, NotFound  # type: ignore[import-untyped]
from testcontainers.core.docker_client import get_docker_host
from testcontainers.core.labels import LABEL_SESSION_ID, SESSION_ID

CONFLICT = 409


@cache
def ensure_reaper() -> "subprocess.Popen[bytes]":
    """Start this session's reaper, once."""
    return start_reaper(SESSION_ID)


def start_reaper(session_id: str) -> "subprocess.Popen[bytes]":
    """A reaper of what bears the label of `session_id`; closing its standard input sets it off."""
    return subprocess.Popen(
        [sys.executable, __file__, session_id],
        stdin=subprocess.PIPE,
        # What ends the session, such as Ctrl-C, must not end its reaper.
        start_new_session=True,
    )


def remove_all(session_id: str) -> None:
    """Remove what bears the label of `session_id`; what somebody else is removing is left to them."""
    host = get_docker_host()
    client = DockerClient(host) if host else from_env()
    label = {"label": f"{LABEL_SESSION_ID}={session_id}"}
    try:
        for container in client.containers.list(all=True, filters=label, ignore_removed=True):
            with _gone_is_fine():
                container.remove(force=True, v=True)
        for network in client.networks.list(filters=label):
            with _gone_is_fine():
                network.remove()
    finally:
        client.close()


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except NotFound:
        pass
    except APIError as error:
        # Its removal is under way.
        if error.status_code != CONFLICT:
            raise


if __name__ == "__main__":
    sys.stdin.read()
    remove_all(sys.argv[1])
