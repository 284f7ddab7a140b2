"""A pytest plug-in: writes down what became of each test, and bounds each one's time."""

import json
import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import IO, Any

import pytest

#: Environment variables: the file to write, seconds that a test may take, and which part of the
#: tests to run, such as `0/4`.
RECORD_VARIABLE = "CELERY_SUITE_RECORD"
LIMIT_VARIABLE = "CELERY_SUITE_TEST_LIMIT_S"
PART_VARIABLE = "CELERY_SUITE_PART"

STARTED, UNCOLLECTED, FINISHED = "started", "uncollected", "finished"


class TestTookTooLong(Exception):
    """Raised in the test, wherever it waits."""

    __test__ = False


class Recorder:
    """Writes a line of JSON for each report at once, for the process may be ended."""

    def __init__(self, record: IO[str], limit_s: float) -> None:
        self._record = record
        self._limit_s = limit_s

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._write(test=item.nodeid, outcome=STARTED)
        signal.setitimer(signal.ITIMER_REAL, self._limit_s)
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if hasattr(report, "context") and not report.failed:
            # A part of a test, which reports on the whole later.
            return
        outcome: str = report.outcome
        if hasattr(report, "wasxfail") and report.skipped:
            outcome = "xfailed"
        self._write(test=report.nodeid, outcome=outcome, when=report.when, why=_why(report))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.passed:
            self._write(test=report.nodeid, outcome=UNCOLLECTED, why=_why(report))

    def pytest_sessionfinish(self) -> None:
        self._write(outcome=FINISHED)

    def _write(self, **fields: Any) -> None:
        self._record.write(json.dumps(fields) + "\n")
        self._record.flush()


def pytest_configure(config: pytest.Config) -> None:
    limit_s = float(os.environ[LIMIT_VARIABLE])
    signal.signal(signal.SIGALRM, _give_up)
    # Open until the process ends.
    record = open(os.environ[RECORD_VARIABLE], "a", encoding="utf-8")  # noqa: PTH123, SIM115
    config.pluginmanager.register(Recorder(record, limit_s))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    number, parts = map(int, os.environ[PART_VARIABLE].split("/"))
    items[:] = items[number::parts]


def _give_up(_signum: int, _frame: FrameType | None) -> None:
    raise TestTookTooLong(f"longer than {os.environ[LIMIT_VARIABLE]} s")


def _why(report: pytest.TestReport | pytest.CollectReport) -> str:
    if report.passed:
        return ""
    crash = getattr(report.longrepr, "reprcrash", None)
    said = str(report.longrepr) if crash is None else crash.message
    return str(said).strip()[-500:]
