"""Probes: each tells within a second whether one service is ready."""

import http.client
from collections.abc import Callable
from pathlib import Path

PROBE_TIMEOUT_S = 0.5


def http_ok(host: str, port: int, path: str) -> Callable[[], bool]:
    """Ready when `path` answers 200."""

    def probe() -> bool:
        connection = http.client.HTTPConnection(host, port, timeout=PROBE_TIMEOUT_S)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return probe


def redis_answers(host: str, port: int, password: str | None) -> Callable[[], bool]:
    """Ready when PING is answered, which a server does not do while it loads its data."""

    def probe() -> bool:
        # Here, so that the server starts while this is being imported.
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        client = redis.Redis(
            host=host,
            port=port,
            password=password,
            socket_timeout=PROBE_TIMEOUT_S,
            socket_connect_timeout=PROBE_TIMEOUT_S,
            retry=Retry(NoBackoff(), retries=0),
        )
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    return probe


def exists(path: Path) -> Callable[[], bool]:
    """Ready when the service has touched `path`; remove it before the service starts."""
    return path.exists


def all_of(*probes: Callable[[], bool]) -> Callable[[], bool]:
    """Ready when all `probes` say so; the later ones are not asked before."""
    return lambda: all(probe() for probe in probes)
