"""The three backends of the contract."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import fakeredis
import pytest
import redis.asyncio
from redis import Redis

from shop.adapters.redis.client import connect, connect_async
from testing.servers import HOST, ValkeyProcess, free_port
from tests.conftest import MakeSettings
from tests.contract.backends import Backend, Clients, FakeBackend, Ports, RedisBackend
from tests.contract.lockstep import Worlds
from tests.contract.worlds import FakeWorld, RedisWorld

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
        # With fewer pauses between the attempts.
        away = _real_clients(free_port(), retries=1)
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


def _real_clients(port: int, *, retries: int = 2) -> Clients:
    dsn = f"redis://{HOST}:{port}"
    return Clients(
        connect(f"{dsn}/{STORE_DB}", "contract", retries=retries),
        connect(f"{dsn}/{RESULTS_DB}", "contract-tasks", retries=retries),
        connect_async(f"{dsn}/{STORE_DB}", "contract-api"),
        connect_async(f"{dsn}/{RESULTS_DB}", "contract-results"),
    )


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def servers(
    valkey: ValkeyProcess, runner: asyncio.Runner
) -> Iterator[dict[str, tuple[Redis, "redis.asyncio.Redis"]]]:
    """Clients of a real server and of fakeredis."""
    fake: dict[str, Any] = {"server": fakeredis.FakeServer(), "decode_responses": True}
    found: dict[str, tuple[Redis, redis.asyncio.Redis]] = {
        "valkey": (
            valkey.client(),
            redis.asyncio.Redis.from_url(valkey.dsn(), decode_responses=True),
        ),
        "fakeredis": (fakeredis.FakeRedis(**fake), fakeredis.FakeAsyncRedis(**fake)),
    }
    yield found
    for client, async_client in found.values():
        client.close()
        runner.run(async_client.aclose())


@pytest.fixture
def worlds(servers: dict[str, tuple[Redis, "redis.asyncio.Redis"]]) -> Worlds:
    """Makes all of them anew, and empty."""
    return lambda: [
        FakeWorld(),
        *(RedisWorld(name, *clients) for name, clients in servers.items()),
    ]
