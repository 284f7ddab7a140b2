"""One suite, two stacks: processes of this machine, and containers."""

from collections.abc import Generator, Iterator

import pytest

from testing.brokers import RABBITMQ_BROKER, chosen_broker
from testing.pytest_plugin import RABBITMQ, require
from testing.rabbitmq import IMAGE, has_image, rabbitmq_problem
from testing.stack import Stack
from testing.stacks.containers import ContainerStack
from testing.stacks.local import LocalStack
from tests.integration.customer import Customer, Goods


@pytest.fixture(scope="session")
def local_stack() -> Iterator[LocalStack]:
    if chosen_broker() == RABBITMQ_BROKER:
        require(RABBITMQ, rabbitmq_problem())
    with LocalStack() as stack:
        yield stack


@pytest.fixture(scope="session")
def container_stack() -> Iterator[ContainerStack]:
    """Only for tests that are marked with `docker`."""
    if chosen_broker() == RABBITMQ_BROKER and not has_image():
        require(RABBITMQ, f"`docker pull {IMAGE}` was not done")
    with ContainerStack() as stack:
        yield stack


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("local_stack", id="local"),
        pytest.param("container_stack", id="containers", marks=pytest.mark.docker),
    ],
)
def shared_stack(request: pytest.FixtureRequest) -> Stack:
    stack: Stack = request.getfixturevalue(request.param)
    return stack


@pytest.fixture
def stack(shared_stack: Stack) -> Stack:
    """A stack that is ready, whatever the test before did to it."""
    shared_stack.wait_ready()
    return shared_stack


@pytest.fixture
def customer(stack: Stack) -> Iterator[Customer]:
    with Customer(stack) as customer:
        yield customer


@pytest.fixture
def goods(stack: Stack) -> Goods:
    """An item that no other test sells: 10 in stock, 19.90 each."""
    return Goods(stack.redis(), level=10, price_minor=1_990)


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
