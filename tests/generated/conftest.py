"""A shop of its own: what is generated is sent by the thousand, and to no one else's orders."""

from collections.abc import Iterator

import pytest

from testing.generated import campaign
from testing.stacks.local import LocalStack


@pytest.fixture(scope="package")
def shop() -> Iterator[LocalStack]:
    with LocalStack(campaign.ENVIRONMENT) as stack:
        yield stack
