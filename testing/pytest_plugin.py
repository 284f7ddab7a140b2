"""Pytest: tests that need a Docker engine or RabbitMQ, and a last word on what was not proven.

Mark a test with `docker` or `rabbitmq`. Without one it is skipped, and the run ends with the lines
that say so; with `SHOP_REQUIRE=docker,rabbitmq` in the environment it fails instead.
"""

import os
from collections import Counter
from collections.abc import Generator

import pytest

from testing import engine, rabbitmq
from testing.audit import AUDIT

REQUIRE_VARIABLE = "SHOP_REQUIRE"
DOCKER, RABBITMQ = "docker", "rabbitmq"
#: The audit is asked for in `make lint`; one setting serves for both.
REQUIRABLE = frozenset({AUDIT, DOCKER, RABBITMQ})


def pytest_configure(config: pytest.Config) -> None:
    for name, needed in ((DOCKER, "a Docker engine"), (RABBITMQ, "RabbitMQ")):
        config.addinivalue_line(
            "markers",
            f"{name}: needs {needed}; skipped without one, and failed if {REQUIRE_VARIABLE}={name}",
        )
    required()
    config.pluginmanager.register(_NotProven(config), "not-proven")


def require(name: str, problem: str | None) -> None:
    """Skip the test that runs, or fail it where `name` must not be missing."""
    if problem is None:
        return
    if name in required():
        pytest.fail(f"{REQUIRE_VARIABLE}={name}, but {problem}", pytrace=False)
    pytest.skip(f"{problem}; {REQUIRE_VARIABLE}={name} makes this a failure")


def required() -> frozenset[str]:
    """What must not be missing in this run: names in `SHOP_REQUIRE`, separated by commas."""
    named = frozenset(filter(None, os.environ.get(REQUIRE_VARIABLE, "").split(",")))
    unknown = ", ".join(sorted(named - REQUIRABLE))
    if unknown:
        raise pytest.UsageError(
            f"{REQUIRE_VARIABLE} names {unknown}; known: {', '.join(sorted(REQUIRABLE))}"
        )
    return named


class _NotProven:
    """Skips, or fails, what cannot run here, and counts all that was skipped by its reason."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        #: Tests by file, by reason.
        self._skipped: dict[str, Counter[str]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if item.get_closest_marker(DOCKER) is not None:
            require(DOCKER, engine.engine_problem())
        if item.get_closest_marker(RABBITMQ) is not None:
            require(RABBITMQ, rabbitmq.rabbitmq_problem())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # An expected failure is reported as skipped too.
        if report.skipped and not hasattr(report, "wasxfail"):
            self._count(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._count(report)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None]:
        # Around the terminal's own: these are the last lines.
        result = yield
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            for line in self._lines():
                terminal.write_line(line, yellow=True, bold=True)
        return result

    def _count(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        # Of a skipped one: its file, its line, and "Skipped: ..." with the reason.
        said = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        reason = said.removeprefix("Skipped: ")
        file = report.nodeid.partition("::")[0]
        self._skipped.setdefault(reason, Counter())[file] += 1

    def _lines(self) -> list[str]:
        lines = []
        for reason, by_file in self._skipped.items():
            count = by_file.total()
            tests = "1 test" if count == 1 else f"{count} tests"
            where = ", ".join(f"{file} ({tests_in})" for file, tests_in in sorted(by_file.items()))
            lines.append(f"NOT PROVEN, {tests} skipped: {reason}: {where}")
        return lines
