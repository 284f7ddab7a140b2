from collections.abc import Iterator

import pytest

from tests.unit.loadtest.users.stub_shop import StubShop, running_stub


@pytest.fixture
def shop() -> Iterator[StubShop]:
    with running_stub() as stub:
        yield stub
