"""One pair of real workers for all the tests of the tasks."""

from collections.abc import Iterator

import pytest

from shop.domain.work import Queue
from testing.servers import HOST, free_port, running_valkey
from tests.unit.tasks.running import Shop, running_shop


@pytest.fixture(scope="session")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    # The sweep inside the worker is off: it would hide what was not sent. The default worker's
    # mail server is not there; notifications of orders go to the priority worker's log.
    env = {
        Queue.DEFAULT: {
            "SWEEP_EVERY_S": "0",
            "OVERDUE_AFTER_S": "0.1",
            "SMTP_URL": f"smtp://{HOST}:{free_port()}",
            "SMTP_FROM": "shop@example.com",
        },
        Queue.PRIORITY: {"NOTIFICATION_DELAY_MS": "0"},
    }
    folder = tmp_path_factory.mktemp("workers")
    with running_valkey() as server, running_shop(server, folder, env) as shop:
        yield shop


@pytest.fixture
def shop(workers: Shop) -> Shop:
    """The workers over an empty store, when they have ended what an earlier test began."""
    workers.drain()
    workers.store.flushdb()
    workers.store.mset({"stock:SKU-1": 10, "price:SKU-1": 1990})
    return workers
