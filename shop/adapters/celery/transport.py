"""kombu's Redis transport, mended; `docs/decisions/0005` and `0006` tell the stories."""

from typing import Any
from urllib.parse import urlsplit

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import RedisError

#: Brokers that kombu keeps in Redis lists of the queues' names.
SCHEMES = ("redis", "rediss")


def is_redis(broker_dsn: str) -> bool:
    """Whether the broker's queues are lists, to be asked and filled as such."""
    return urlsplit(broker_dsn).scheme in SCHEMES


class QoS(redis.QoS):
    """Gives a message's slot back even when Redis does not hear that it is done.

    kombu 5.7 counts such a message as in hand until its connection ends, and a worker with all
    slots taken asks for no more. What was not acknowledged comes once more after the visibility
    time-out, and does no harm.
    """

    def ack(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]
        except RedisError:
            self._quick_ack(delivery_tag)
            raise

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        try:
            super().reject(delivery_tag, requeue)  # type: ignore[no-untyped-call]
        except RedisError:
            self._quick_ack(delivery_tag)
            raise


class Channel(redis.Channel):
    """A channel that says so when its connection is closed, and never waits for a dead one."""

    QoS = QoS

    def _connparams(self, asynchronous: bool = False) -> Any:
        # When Redis goes while a worker has a message in hand, Celery 5.7 closes the connection
        # twice (`Consumer.on_connection_error_after_connected`). The second time, and at each late
        # acknowledgement, kombu 5.7 reaches for a client that is gone, and its AttributeError ends
        # the worker: seen at 1 of 2 restarts of Redis.
        if self.connection is None or self.connection.client is None:
            raise RedisGone("the channel's connection is closed")
        params = super()._connparams(asynchronous)  # type: ignore[no-untyped-call]
        if asynchronous:
            # What the event loop reads from must not be tried again behind its back: redis-py
            # would connect anew, subscribe to nothing, and wait for a message without a limit.
            params["retry_on_timeout"] = False
        return params


class Transport(redis.Transport):
    """Found by kombu under the schemes `redis` and `rediss`, once it is installed."""

    Channel = Channel


def install() -> None:
    """Make kombu use this transport in this process, whatever its apps.

    By its table of schemes, for a dotted name in `broker_transport` would stand in every log
    line and page that shows the broker's address, and would not leave `amqp://` alone.
    """
    for scheme in SCHEMES:
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"
