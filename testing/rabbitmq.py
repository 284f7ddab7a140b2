"""Which RabbitMQ can be had here: an image, or the server of this machine."""

import os
import subprocess
from functools import cache
from pathlib import Path

from testing.engine import engine_problem

IMAGE = "rabbitmq:4.0-management"
#: Where packages put the program itself; what they put into /usr/sbin asks for root.
_PROGRAMS = (
    Path("/usr/lib/rabbitmq/bin/rabbitmq-server"),
    Path("/opt/homebrew/sbin/rabbitmq-server"),
    Path("/usr/local/sbin/rabbitmq-server"),
)


@cache
def rabbitmq_problem() -> str | None:
    """Why there is none, in one line; None when there is. Asked once."""
    if server() is not None or has_image():
        return None
    engine = engine_problem() or f"`docker pull {IMAGE}` was not done"
    return f"rabbitmq-server is not installed, and {engine}"


@cache
def server() -> Path | None:
    """What starts a node as anybody, if it is installed."""
    return next((path for path in _PROGRAMS if os.access(path, os.X_OK)), None)


@cache
def has_image() -> bool:
    if engine_problem() is not None:
        return False
    asked = subprocess.run(
        ["docker", "image", "inspect", IMAGE], check=False, capture_output=True, text=True
    )
    return asked.returncode == 0
