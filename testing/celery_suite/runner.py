"""Runs the suite on both workers at once, each part of it with a server of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from shop.settings import Settings
from testing.celery_suite import recorder
from testing.celery_suite.outcomes import Record, Round
from testing.commands import ROOT
from testing.servers import HOST, ValkeyProcess, running_valkey
from testing.stack import BROKER_DB, RESULTS_DB
from testing.stacks.processes import Guard
from testing.waiting import TimedOut, wait_for

#: The suite mostly waits: run one test after the other, it takes half an hour on each worker.
PARTS = 4
#: The suite's own bound is 300 s; its longest test takes 110 s on two busy cores.
TEST_WITHIN_S = 200
#: Whatever else the machine does comes first.
NICENESS = 10

PLAIN, SHOP, CONFIGURED = "plain", "shop", "configured"
#: What makes the suite's apps others than plain ones.
_APPS = {
    SHOP: ("testing.celery_suite.shop_app",),
    CONFIGURED: ("testing.celery_suite.configured_app",),
}
#: Plug-ins that may be installed, and have nothing to do with the suite.
_WITHOUT = ("no:asyncio", "no:cacheprovider", "no:schemathesis", "no:xdist")
#: What Celery, pytest and the suite would read of the environment.
_FOREIGN = ("CELERY_", "PYTEST_", "REDIS_", "TEST_", "WORKER_")


class SuiteFailed(Exception):
    """The suite came to no end on a worker of plain Celery; the message names the logs."""


@dataclass(frozen=True, slots=True)
class _Part:
    side: str
    process: subprocess.Popen[bytes]
    record: Path


def run_both(
    suite: Path, folder: Path, tests: Sequence[str], *, parts: int, within_s: float
) -> Round:
    """Run `tests` on a plain worker and on the shop's; records and logs go into the new `folder`.

    What takes longer than `within_s` is ended, and counts as unfinished.
    """
    records = _run((PLAIN, SHOP), suite, folder, tests, parts, within_s)
    return Round(records[PLAIN], records[SHOP])


def run_again(
    suite: Path, folder: Path, tests: Sequence[str], *, parts: int, within_s: float
) -> Round:
    """The same, and on a plain worker with the shop's settings."""
    records = _run((PLAIN, CONFIGURED, SHOP), suite, folder, tests, parts, within_s)
    return Round(records[PLAIN], records[SHOP], records[CONFIGURED])


def _run(
    sides: Sequence[str],
    suite: Path,
    folder: Path,
    tests: Sequence[str],
    parts: int,
    within_s: float,
) -> Mapping[str, Record]:
    folder.mkdir(parents=True)
    with ExitStack() as ending:
        guard = ending.enter_context(Guard())
        running = []
        for side in sides:
            for number in range(parts):
                server = ending.enter_context(running_valkey())
                part = _start(side, f"{number}/{parts}", suite, folder, tests, server)
                ending.callback(_end, part.process, guard)
                guard.add(part.process.pid)
                running.append(part)
        with suppress(TimedOut):
            wait_for("the suite ends", lambda: _all_ended(running), within_s=within_s)
    records = {side: Record() for side in sides}
    for part in running:
        records[part.side].add(part.record)
    if records[PLAIN].finished < parts:
        raise SuiteFailed(f"the suite came to no end on the plain worker: see {folder}")
    return records


def _start(
    side: str, part: str, suite: Path, folder: Path, tests: Sequence[str], server: ValkeyProcess
) -> _Part:
    name = f"{side}-{part.partition('/')[0]}"
    record, log = folder / f"{name}.jsonl", folder / f"{name}.log"
    record.touch()
    plugins = ("celery.contrib.pytest", recorder.__name__, *_APPS.get(side, ()), *_WITHOUT)
    command = ["nice", "-n", str(NICENESS), sys.executable, "-m", "pytest", "-c", "pytest.ini"]
    command += [word for plugin in plugins for word in ("-p", plugin)]
    command += ["-v", "-ra", "--continue-on-collection-errors", *tests]
    environment = {
        **_own_environment(),
        recorder.RECORD_VARIABLE: str(record.resolve()),
        recorder.LIMIT_VARIABLE: str(TEST_WITHIN_S),
        recorder.PART_VARIABLE: part,
        "TEST_BROKER": server.dsn(BROKER_DB),
        "TEST_BACKEND": server.dsn(RESULTS_DB),
        # Read by the suite's tests, and by the shop.
        "REDIS_HOST": HOST,
        "REDIS_PORT": str(server.port),
        # As Celery's own runs have it: some tests read the worker's log.
        "WORKER_LOGLEVEL": "INFO",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=suite,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return _Part(side, process, record)


def _own_environment() -> Mapping[str, str]:
    settings = {name.upper() for name in Settings.model_fields}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in settings and not name.startswith(_FOREIGN)
    }
    scripts = str(Path(sys.executable).parent)
    # Some tests run the `celery` that is installed.
    return {**kept, "PATH": f"{scripts}:{kept.get('PATH', '')}", "PYTHONPATH": str(ROOT)}


def _all_ended(parts: Sequence[_Part]) -> bool:
    time.sleep(0.2)
    return all(part.process.poll() is not None for part in parts)


def _end(process: subprocess.Popen[bytes], guard: Guard) -> None:
    """End the process with what it started: a pool's processes outlive a pytest that crashed."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    guard.discard(process.pid)
