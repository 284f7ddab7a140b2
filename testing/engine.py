"""Whether containers can be run here."""

import os
import shutil
import subprocess
from functools import cache

ANSWER_WITHIN_S = 20.0


@cache
def engine_problem() -> str | None:
    """Why no containers can be run here, in one line; None when they can. Asked once."""
    if shutil.which("docker") is None:
        return "the docker command is not installed"
    if _run("compose", "version").returncode != 0:
        return "the docker command lacks Compose"
    asked = _run("version", "--format", "{{.Server.Version}}")
    if asked.returncode != 0:
        said = asked.stderr.strip().splitlines() or ["no answer"]
        return f"no Docker engine answers ({said[-1]})"
    return None


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            ["docker", *command],
            check=False,
            capture_output=True,
            text=True,
            timeout=ANSWER_WITHIN_S,
            env=os.environ,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(
            command, 1, stdout="", stderr=f"no answer within {ANSWER_WITHIN_S:.0f} s"
        )
