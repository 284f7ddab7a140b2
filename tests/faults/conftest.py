"""A stack whose faults can be provoked, and a customer who keeps asking."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from testing.faults import RoutedStack
from testing.history import HistoryWriter
from testing.stack import FLOWER
from tests.integration.customer import Customer, Goods


@pytest.fixture(scope="module")
def shared_stack() -> Iterator[RoutedStack]:
    with RoutedStack(without={FLOWER}) as stack:
        yield stack


@pytest.fixture
def stack(shared_stack: RoutedStack) -> RoutedStack:
    shared_stack.wait_ready()
    return shared_stack


@pytest.fixture
def customer(stack: RoutedStack) -> Iterator[Customer]:
    with Customer(stack) as customer:
        yield customer


@pytest.fixture
def goods(stack: RoutedStack) -> Goods:
    return Goods(stack.redis(), level=100_000, price_minor=1_990)


@pytest.fixture
def history_file(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


@pytest.fixture
def history(history_file: Path) -> Iterator[HistoryWriter]:
    with HistoryWriter(history_file) as history:
        yield history


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what the stack's queues and logs held."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and report.when == "call" and stack is not None:
        report.sections.append((f"{stack.name} stack", stack.describe()))
    return report
