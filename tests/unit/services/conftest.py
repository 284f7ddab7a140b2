"""Nothing here needs the network."""

import pytest

from testing.fakes import FakePublisher, FakeStore


@pytest.fixture(autouse=True)
def _offline(no_network: None) -> None:
    pass


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()
