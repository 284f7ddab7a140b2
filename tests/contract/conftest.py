"""The three backends of the contract."""

from collections.abc import AsyncIterator
from typing import Any

import fakeredis
import pytest
from redis.backoff import NoBackoff
from redis.retry import Retry

from shop.adapters.redis.client import connect, connect_async
from testing.servers import HOST, ValkeyProcess, free_port
from tests.conftest import MakeSettings
from tests.contract.backends import Backend, Clients, FakeBackend, Ports, RedisBackend

STORE_DB, RESULTS_DB = 2, 1


@pytest.fixture(params=["fake", "fakeredis", "valkey"])
async def backend(
    request: pytest.FixtureRequest, make_settings: MakeSettings
) -> AsyncIterator[Backend]:
    """An empty store and its ports."""
    if request.param == "fake":
        yield FakeBackend()
        return
    if request.param == "fakeredis":
        here, away = _fakeredis_clients(), _fakeredis_clients(connected=False)
    else:
        server: ValkeyProcess = request.getfixturevalue("valkey")
        here = _real_clients(server.port)
        away = _real_clients(free_port())
        # The same attempts, without the pauses between them.
        away.sync.set_retry(Retry(NoBackoff(), retries=1))
    yield RedisBackend(here, away, make_settings())
    await here.close()
    await away.close()


@pytest.fixture
def ports(backend: Backend) -> Ports:
    return backend.ports


def _fakeredis_clients(*, connected: bool = True) -> Clients:
    server = fakeredis.FakeServer()
    server.connected = connected
    shared: dict[str, Any] = {"server": server, "decode_responses": True}
    return Clients(
        fakeredis.FakeRedis(db=STORE_DB, **shared),
        fakeredis.FakeRedis(db=RESULTS_DB, **shared),
        fakeredis.FakeAsyncRedis(db=STORE_DB, **shared),
        fakeredis.FakeAsyncRedis(db=RESULTS_DB, **shared),
    )


def _real_clients(port: int) -> Clients:
    dsn = f"redis://{HOST}:{port}"
    return Clients(
        connect(f"{dsn}/{STORE_DB}", "contract"),
        connect(f"{dsn}/{RESULTS_DB}", "contract-tasks"),
        connect_async(f"{dsn}/{STORE_DB}", "contract-api"),
        connect_async(f"{dsn}/{RESULTS_DB}", "contract-results"),
    )
