"""A shop to try the README's commands on."""

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from testing.stack import BROKER_DB
from testing.stacks.local import LocalStack
from tests.docs.reader import Reader, clean_environment

#: Beside the Python of these tests, as `.venv/bin` in the README.
BIN = Path(sys.executable).parent

#: On a busy machine work may take so long that the sweep sends it again: true, but not shown.
UNHURRIED = {"OVERDUE_AFTER_S": "30"}


@pytest.fixture(scope="package")
def stack() -> Iterator[LocalStack]:
    with LocalStack(UNHURRIED) as stack:
        yield stack


@pytest.fixture
def reader(stack: LocalStack, tmp_path: Path) -> Reader:
    """Has the demo stock, and nothing that another reader left."""
    redis_port = str(urlsplit(stack.redis_url(BROKER_DB)).port)
    store = stack.redis()
    # The workers' signs of life stay: a worker without one counts as dead until its next.
    store.delete(*(key for key in store.scan_iter() if not key.startswith("workers:")), "none")
    reader = Reader(
        tmp_path,
        places={
            "localhost:8000": urlsplit(stack.base_url).netloc,
            "localhost:6379": f"127.0.0.1:{redis_port}",
            ".venv/bin/": f"{BIN}/",
        },
        environment={**clean_environment(), "REDIS_PORT": redis_port},
    )
    reader.run(f"{BIN}/shop seed")
    return reader
