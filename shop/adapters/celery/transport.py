"""kombu's Redis transport, with one error mended; `docs/decisions/0005` tells the story."""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError as RedisGone


class Channel(redis.Channel):
    """A channel that says so when its connection is closed.

    When Redis goes while a worker has a message in hand, Celery 5.7 closes the connection twice
    (`Consumer.on_connection_error_after_connected`). The second time, and at each late
    acknowledgement, kombu 5.7 reaches for a client that is gone, and its AttributeError ends the
    worker: seen at 1 of 2 restarts of Redis. What is lost by this is found by the sweep.
    """

    def _connparams(self, asynchronous: bool = False) -> Any:
        if self.connection is None or self.connection.client is None:
            raise RedisGone("the channel's connection is closed")
        return super()._connparams(asynchronous)  # type: ignore[no-untyped-call]


class Transport(redis.Transport):
    """Found by kombu under the schemes `redis` and `rediss`, once it is installed."""

    Channel = Channel


def install() -> None:
    """Make kombu use this transport in this process, whatever its apps.

    By its table of schemes, for a dotted name in `broker_transport` would stand in every log
    line and page that shows the broker's address, and would not leave `amqp://` alone.
    """
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"
