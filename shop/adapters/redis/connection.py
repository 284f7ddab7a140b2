"""Connections that end when their server turns out to be a replica.

A failover that keeps its connections, such as a switch of a name or a Service, leaves every client
with the old master, which answers `READONLY` from then on and closes nothing. redis-py (8.1) hands
the error on and keeps the connection. Here it counts as lost, so that whatever reconnects after a
loss finds the new master.
"""

from typing import Any
from urllib.parse import urlsplit

import redis.asyncio
import redis.connection
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import ResponseError

from shop.adapters.redis.refusals import is_read_only


class ReadOnlyServer(RedisGone):
    """The server at the other end is a replica: connect again."""


class _EndsOnReadOnly:
    """For a synchronous connection of redis-py's."""

    def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return super().read_response(*args, **options)  # type: ignore[misc]
        except ResponseError as error:
            if not is_read_only(error):
                raise
            self.disconnect()  # type: ignore[attr-defined]
            raise ReadOnlyServer(str(error)) from error


class _EndsOnReadOnlyAsync:
    """For an asynchronous connection of redis-py's."""

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*args, **options)  # type: ignore[misc]
        except ResponseError as error:
            if not is_read_only(error):
                raise
            await self.disconnect(nowait=True)  # type: ignore[attr-defined]
            raise ReadOnlyServer(str(error)) from error


class Connection(_EndsOnReadOnly, redis.connection.Connection):
    """Over TCP."""


class SSLConnection(_EndsOnReadOnly, redis.connection.SSLConnection):
    """Over TLS."""


class UnixConnection(_EndsOnReadOnly, redis.connection.UnixDomainSocketConnection):
    """Over a socket in the file system."""


class AsyncConnection(_EndsOnReadOnlyAsync, redis.asyncio.Connection):
    """Over TCP."""


class AsyncSSLConnection(_EndsOnReadOnlyAsync, redis.asyncio.SSLConnection):
    """Over TLS."""


class AsyncUnixConnection(_EndsOnReadOnlyAsync, redis.asyncio.UnixDomainSocketConnection):
    """Over a socket in the file system."""


def connection_class(dsn: str) -> type[redis.connection.AbstractConnection]:
    """The class for a client of `dsn`."""
    match urlsplit(dsn).scheme:
        case "rediss":
            return SSLConnection
        case "unix":
            return UnixConnection
        case _:
            return Connection


def async_connection_class(dsn: str) -> type[redis.asyncio.connection.AbstractConnection]:
    """The class for an asynchronous client of `dsn`."""
    match urlsplit(dsn).scheme:
        case "rediss":
            return AsyncSSLConnection
        case "unix":
            return AsyncUnixConnection
        case _:
            return AsyncConnection
