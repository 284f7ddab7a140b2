"""Connections to Redis that never wait for ever, and the store's errors in the shop's words."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis.asyncio
from redis import Redis, exceptions
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry

from shop.domain.errors import StoreUnavailable

#: What a frozen server may cost one attempt. The API tries twice at most, within its 2 s.
SOCKET_TIMEOUT_S = 0.8
#: A worker can wait longer: its work is recorded, and nobody holds a connection open for it.
WORKER_SOCKET_TIMEOUT_S = 5.0
HEALTH_CHECK_INTERVAL_S = 25
MAX_API_CONNECTIONS = 64

#: What says nothing about whether a command took effect, or that it may later.
_UNAVAILABLE = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
    OSError,
)


def connect(dsn: str, client_name: str) -> Redis:
    """A synchronous client for workers and commands; connects when it is first used."""
    return Redis.from_url(
        dsn,
        decode_responses=True,
        client_name=client_name,
        socket_timeout=WORKER_SOCKET_TIMEOUT_S,
        socket_connect_timeout=WORKER_SOCKET_TIMEOUT_S,
        socket_keepalive=True,
        health_check_interval=HEALTH_CHECK_INTERVAL_S,
        # Safe because every write is a script that can be repeated.
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), retries=3),
    )


def connect_async(dsn: str, client_name: str) -> "redis.asyncio.Redis":
    """An asynchronous client for the API; answers or fails within 2 s."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        dsn,
        max_connections=MAX_API_CONNECTIONS,
        timeout=SOCKET_TIMEOUT_S,
        decode_responses=True,
        client_name=client_name,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        socket_keepalive=True,
        health_check_interval=HEALTH_CHECK_INTERVAL_S,
        # One repeat, at once: it mends a connection that the server closed while it was idle.
        retry=AsyncRetry(NoBackoff(), retries=1),
    )
    return redis.asyncio.Redis.from_pool(pool)


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn what redis-py raises when the server is away into `StoreUnavailable`."""
    try:
        yield
    except _UNAVAILABLE as error:
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
