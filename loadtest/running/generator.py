"""Locust as a child process that walks a schedule."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from loadtest.schedule import Arm
from testing.environment import without_foreign
from testing.stacks.processes import Guard

ROOT = Path(__file__).parents[2]
LOCUSTFILE = Path(__file__).parents[1] / "locustfile.py"
ENDS_WITHIN_S = 10.0
POLL_EVERY_S = 0.25
#: Of its log, shown when it broke.
LAST_LINES = 3


class GeneratorBroke(Exception):
    """Locust ended with an error; one line says which, the rest is in `locust.log`."""


def walk(
    *,
    base_url: str,
    arm: Arm,
    schedule_file: Path,
    history_file: Path,
    run_id: str,
    folder: Path,
    within_s: float,
    while_waiting: Callable[[], None],
) -> None:
    """Walk the arm's blocks; leaves Locust's own files in `folder`.

    `while_waiting` is called several times a second; what it raises ends the walk. Raises
    `GeneratorBroke`, also after `within_s`.
    """
    log = folder / f"locust-{arm}.log"
    command = [
        *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "ScheduledWalk"),
        *("--headless", "--users", "1", "--spawn-rate", "1", "--host", base_url),
        *("--csv", str(folder / f"locust-{arm}"), "--html", str(folder / f"locust-{arm}.html")),
        *("--only-summary", "--exit-code-on-error", "0"),
    ]
    environment = {
        **without_foreign(os.environ),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        "LAB_SCHEDULE": str(schedule_file),
        "LAB_ARM": arm.value,
        "LAB_HISTORY": str(history_file),
        "LAB_RUN_ID": run_id,
    }
    with log.open("w") as out, Guard() as guard:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for the run: it ends this process itself, and keeps what was recorded.
            start_new_session=True,
        )
        guard.add(process.pid)
        try:
            deadline_s = time.monotonic() + within_s
            while (code := process.poll()) is None:
                if time.monotonic() > deadline_s:
                    raise GeneratorBroke(f"the {arm} arm was not walked within {within_s:.0f} s")
                while_waiting()
                time.sleep(POLL_EVERY_S)
        finally:
            _end(process)
            guard.discard(process.pid)
    if code:
        lines = [line for line in log.read_text().splitlines() if line.strip()]
        said = " | ".join(lines[-LAST_LINES:])
        raise GeneratorBroke(f"locust ended with exit code {code}: {said}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
