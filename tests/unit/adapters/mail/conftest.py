"""Each test's mailers are closed after it."""

from collections.abc import Iterator

import pytest

from tests.unit.adapters.mail.mailers import opened


@pytest.fixture(autouse=True)
def _close_mailers() -> Iterator[None]:
    yield
    while opened:
        opened.pop().close()
