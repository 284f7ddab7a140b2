"""Redis itself: reachable, new enough, and configured so that it loses nothing."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.retry import Retry

from shop.adapters.doctor.finding import Finding, State

TIMEOUT_S = 2.0
MIN_VERSION = (6, 2)
#: Of the memory that Redis may have.
MEMORY_WARN_SHARE = 0.9


def client(dsn: str) -> Redis | None:
    """None when another kind of broker is named."""
    if urlsplit(dsn).scheme not in ("redis", "rediss", "unix"):
        return None
    return Redis.from_url(
        dsn,
        decode_responses=True,
        client_name="shop-doctor",
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), retries=0),
    )


def address(dsn: str) -> str:
    """Host, port and database, without credentials."""
    parts = urlsplit(dsn)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"


def reached(name: str, dsn: str, client: Redis | None) -> Finding:
    where = address(dsn)
    if client is None:
        return Finding(name, State.WARN, f"{where} is no Redis", "Look at it with its own tools.")
    try:
        client.ping()
    except AuthenticationError as error:
        return Finding(
            name, State.FAIL, f"{where} refuses the password: {error}", "Correct REDIS_PASSWORD."
        )
    except RedisError as error:
        return Finding(
            name,
            State.FAIL,
            f"{where}: {error}",
            "Start it (`shop up`, `make up`), or set REDIS_HOST and REDIS_PORT.",
        )
    return Finding(name, State.OK, f"{where} answers")


def guarded(check: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """`findings`, until Redis refuses to tell more."""
    try:
        yield from findings
    except ResponseError as error:
        yield Finding(check, State.WARN, str(error), "Look with an account that may see it.")
    except RedisError as error:
        yield Finding(check, State.FAIL, f"went away: {error}", "Look at the server's log.")


def checked(client: Redis, server: str) -> Iterator[Finding]:
    """The version, the append-only file and the memory of one server."""
    info: dict[str, Any] = client.info()
    name = f"Redis at {server}"
    version = str(info["redis_version"])
    too_old = tuple(int(part) for part in version.split(".")[:2]) < MIN_VERSION
    own = f"Valkey {info['valkey_version']}" if "valkey_version" in info else version
    yield Finding(
        f"{name}, version",
        State.FAIL if too_old else State.OK,
        own,
        f"Use {'.'.join(map(str, MIN_VERSION))} or later." if too_old else "",
    )
    if not info["aof_enabled"]:
        yield Finding(
            f"{name}, append-only file",
            State.WARN,
            "off: orders are lost when it is killed",
            "Start it with --appendonly yes.",
        )
    elif info["aof_last_write_status"] != "ok":
        yield Finding(
            f"{name}, append-only file", State.FAIL, "cannot be written", "Is its disk full?"
        )
    else:
        yield Finding(f"{name}, append-only file", State.OK, "on")
    policy, limit = info["maxmemory_policy"], info["maxmemory"]
    if policy != "noeviction":
        yield Finding(
            f"{name}, memory",
            State.FAIL if limit else State.WARN,
            f"maxmemory-policy is {policy}: keys vanish when memory is short",
            "Set maxmemory-policy noeviction.",
        )
    else:
        full = bool(limit) and info["used_memory"] > MEMORY_WARN_SHARE * limit
        yield Finding(
            f"{name}, memory",
            State.WARN if full else State.OK,
            f"{info['used_memory_human']} of {info['maxmemory_human'] if limit else 'no limit'},"
            " noeviction",
            "Raise maxmemory." if full else "",
        )
