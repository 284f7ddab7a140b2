"""Locust as a process: imported here, its patches would break what imported ssl before."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from testing.environment import without_foreign

ROOT = Path(__file__).parents[4]
ENDS_WITHIN_S = 45.0


def start_locust(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[str]":
    """Stdout and stderr are one."""
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtest" / "locustfile.py")]
    kept = {
        name: value
        for name, value in without_foreign(os.environ).items()
        if not name.startswith("LAB_")
    }
    return subprocess.Popen(
        [*command, *arguments],
        cwd=ROOT,
        env={**kept, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_locust(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Headless; ended if it does not end by itself."""
    process = start_locust("--headless", "--only-summary", *arguments, environment=environment)
    try:
        said, _ = process.communicate(timeout=ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
        raise AssertionError(f"locust did not end:\n{said}") from None
    return subprocess.CompletedProcess(arguments, process.returncode, said)
