"""kombu's Redis transport, mended; `docs/decisions/0005` and `0006` tell the stories."""

from typing import Any
from urllib.parse import urlsplit

from kombu import transport
from kombu.transport import TRANSPORT_ALIASES, redis
from kombu.utils.json import dumps
from redis.exceptions import ConnectionError as RedisGone

from shop.adapters.celery import taking
from shop.adapters.celery.refusing import RefusalConnection, RefusalSSLConnection, reconnecting

#: Brokers that kombu keeps in Redis lists of the queues' names.
SCHEMES = ("redis", "rediss")


def is_redis(broker_dsn: str) -> bool:
    """Whether the broker's queues are lists, to be asked and filled as such."""
    return urlsplit(broker_dsn).scheme in SCHEMES


class Channel(taking.Channel):
    """A channel that says so when its connection is closed, and never waits for a dead one."""

    connection_class = RefusalConnection
    connection_class_ssl = RefusalSSLConnection
    #: How many clients heard what was last published to whoever listens; None before.
    heard_by: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # kombu has asked for a PONG, which a server that is full or a replica gives as well. One
        # that takes no writes is found here, where whoever connects tries again and again, later
        # and later, and not at the first step after it.
        try:
            with self.conn_or_acquire() as client:
                client.set(f"{self.unacked_mutex_key}.probe", "", xx=True)
            self.catch_up()
        except BaseException:
            self.close()
            raise

    def _put_fanout(self, exchange: str, message: Any, routing_key: str, **options: Any) -> None:
        if options.get("_publish_batch") is not None:
            super()._put_fanout(exchange, message, routing_key, **options)  # type: ignore[no-untyped-call]
            return
        payload = dumps(message)
        with self.conn_or_acquire() as client:
            self.heard_by = sum(
                client.publish(topic, payload)
                for topic in self._get_publish_topics(exchange, routing_key)  # type: ignore[no-untyped-call]
            )

    def _connparams(self, asynchronous: bool = False) -> Any:
        # When Redis goes while a worker has a message in hand, Celery 5.7 closes the connection
        # twice (`Consumer.on_connection_error_after_connected`). The second time, and at each late
        # acknowledgement, kombu 5.7 reaches for a client that is gone, and its AttributeError ends
        # the worker: seen at 1 of 2 restarts of Redis.
        if self.connection is None or self.connection.client is None:
            raise RedisGone("the channel's connection is closed")
        params = super()._connparams(asynchronous)  # type: ignore[no-untyped-call]
        # kombu has a class of its own for a socket in the file system.
        params["connection_class"] = reconnecting(params["connection_class"])
        if asynchronous:
            # What the event loop reads from must not be tried again behind its back: redis-py
            # would connect anew, subscribe to nothing, and wait for a message without a limit.
            params["retry_on_timeout"] = False
        return params


class Transport(redis.Transport):
    """Found by kombu under the schemes `redis` and `rediss`, once it is installed."""

    Channel = Channel
    #: The worker's event loop, once it has one.
    loop: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.cycle: Any = taking.Poller()  # type: ignore[no-untyped-call]

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        self.loop = loop
        super().register_with_event_loop(connection, _Readers(loop))  # type: ignore[no-untyped-call]


class _Readers:
    """An event loop that is told once which sockets to read, and not at each of its turns."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop

    def add_reader(self, fd: int, callback: Any, *args: Any) -> None:
        if self._loop.readers.get(fd) != (callback, args):
            self._loop.add_reader(fd, callback, *args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


def install() -> None:
    """Make kombu use this transport in this process, whatever its apps.

    By its table of schemes, for a dotted name in `broker_transport` would stand in every log
    line and page that shows the broker's address, and would not leave `amqp://` alone.
    """
    for scheme in SCHEMES:
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"
        # Another app may have looked it up before.
        transport._transport_cache.pop(scheme, None)  # noqa: SLF001
