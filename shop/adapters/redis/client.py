"""Connections to Redis that never wait for ever, and the store's errors in the shop's words."""

import asyncio
import builtins
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import redis.asyncio
from redis import BlockingConnectionPool, Redis, exceptions
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry

from shop.adapters.redis.connection import async_connection_class, connection_class
from shop.adapters.redis.refusals import is_refusal
from shop.domain.errors import StoreUnavailable

#: What one use of the store may cost the API, with every attempt and the wait for a connection:
#: half of the 2 s within which it answers.
API_DEADLINE_S = 1.0
#: A worker can wait longer: its work is recorded, and nobody holds a connection open for it.
WORKER_SOCKET_TIMEOUT_S = 3.0
HEALTH_CHECK_INTERVAL_S = 25
MAX_API_CONNECTIONS = 64
#: Of each client of a process, whose threads take turns; what a task does in its thread, it does
#: over a connection of that thread's own.
MAX_WORKER_CONNECTIONS = 8

_HANDLER_CLOSED = "the handler is closed"
#: What says nothing about whether a command took effect, or that it may later.
_UNAVAILABLE = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    OSError,
)


def connect(dsn: str, client_name: str, *, retries: int = 2) -> Redis:
    """A synchronous client for workers and commands; connects when it is first used.

    Without `retries` for whoever tries again himself, and has no time now.
    """
    pool = BlockingConnectionPool.from_url(
        dsn,
        connection_class=connection_class(dsn),
        max_connections=MAX_WORKER_CONNECTIONS,
        timeout=WORKER_SOCKET_TIMEOUT_S,
        decode_responses=True,
        client_name=client_name,
        socket_timeout=WORKER_SOCKET_TIMEOUT_S,
        socket_connect_timeout=WORKER_SOCKET_TIMEOUT_S,
        socket_keepalive=True,
        health_check_interval=HEALTH_CHECK_INTERVAL_S,
        # Safe because every write is a script that can be repeated.
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), retries=retries),
    )
    return Redis.from_pool(pool)


def connect_async(dsn: str, client_name: str) -> "redis.asyncio.Redis":
    """An asynchronous client for the API, to be used within `store_deadline` only."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        dsn,
        max_connections=MAX_API_CONNECTIONS,
        timeout=API_DEADLINE_S,
        decode_responses=True,
        client_name=client_name,
        # The deadline bounds reading and writing. With a time-out of 0.8 s here, a frozen server
        # cost 3.2 s, for redis-py tries again to connect inside each attempt; and its way to
        # bound a write, `asyncio.wait_for`, at times swallowed the deadline on Python 3.11.
        socket_timeout=None,
        socket_connect_timeout=API_DEADLINE_S,
        socket_keepalive=True,
        health_check_interval=HEALTH_CHECK_INTERVAL_S,
        # One repeat, at once: it mends a connection that the server closed while it was idle.
        retry=AsyncRetry(NoBackoff(), retries=1),
    )
    # Afterwards: redis-py 8.1 lets the scheme of the DSN win over an argument.
    pool.connection_class = async_connection_class(dsn)
    return redis.asyncio.Redis.from_pool(pool)


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn what redis-py raises when the server is away, or refuses, into `StoreUnavailable`."""
    try:
        yield
    except _UNAVAILABLE as error:
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
    except RuntimeError as error:
        # uvloop's word for a connection that was reset between two uses of it; redis-py lets it
        # pass.
        if _HANDLER_CLOSED not in str(error):
            raise
        raise StoreUnavailable("the connection was reset") from error
    except exceptions.ResponseError as error:
        # A script that the server forgets again and again, as where somebody flushes them.
        if not (is_refusal(error) or isinstance(error, exceptions.NoScriptError)):
            raise
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error


@asynccontextmanager
async def store_deadline(within_s: float = API_DEADLINE_S) -> AsyncIterator[None]:
    """`store_errors` for the API, which does not wait for longer."""
    try:
        async with asyncio.timeout(within_s):
            with store_errors():
                yield
    except builtins.TimeoutError:
        raise StoreUnavailable(f"no answer within {within_s} s") from None


def same_server(*dsns: str) -> bool:
    """Whether these differ in their databases only."""
    return len({urlsplit(dsn)._replace(path="") for dsn in dsns}) == 1
