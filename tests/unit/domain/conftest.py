"""Nothing here needs the network."""

import pytest


@pytest.fixture(autouse=True)
def _offline(no_network: None) -> None:
    pass
