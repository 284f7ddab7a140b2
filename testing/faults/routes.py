"""A stack whose services reach Redis through proxies, and what can happen on the way."""

import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

from testing.brokers import rabbitmq_url
from testing.faults.fault import Fault, FaultDidNotTakeHold
from testing.faults.proxy import TcpProxy
from testing.history import Recorder
from testing.stack import API, BROKER_DB
from testing.stacks.local import LocalStack
from testing.stacks.ports import HOST

#: As long as what RabbitMQ waits for before it answers.
PING = b"PING\r\n\r\n"
PONG = b"+PONG\r\n"
#: What RabbitMQ says to whoever speaks another protocol.
AMQP = b"AMQP"
PROBE_TIMEOUT_S = 5.0


class RoutedStack(LocalStack):
    """A `LocalStack` whose services see Redis through `link` only.

    The API's way to the broker is one of its own, `api_broker`: what it records and what it
    publishes can be told apart. The stack's own clients go to Redis directly.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, **options: Any) -> None:
        """`options` are those of `LocalStack`."""
        super().__init__(environment, **options)
        redis_port = urlsplit(self.redis_url(BROKER_DB)).port
        assert redis_port is not None
        self.link = TcpProxy(redis_port)
        self.api_broker = TcpProxy(self.rabbitmq_port or redis_port)
        #: The others' way to a broker that is not Redis.
        self.broker_link = TcpProxy(self.rabbitmq_port) if self.rabbitmq_port else None
        self.route("REDIS_PORT", str(self.link.port))
        if self.broker_link is None:
            api_broker = f"redis://{HOST}:{self.api_broker.port}/{BROKER_DB}"
        else:
            api_broker = rabbitmq_url(self.api_broker.port)
            self.route("CELERY_BROKER_DSN", rabbitmq_url(self.broker_link.port))
        self.route("CELERY_BROKER_DSN", api_broker, service=API)
        self._proxies = ExitStack()

    @property
    def proxies(self) -> list[TcpProxy]:
        """All the ways."""
        return [*filter(None, (self.link, self.api_broker, self.broker_link))]

    def start(self) -> None:
        for proxy in self.proxies:
            self._proxies.enter_context(proxy)
        super().start()

    def _end(self) -> None:
        with self._proxies:
            super()._end()


class ConnectionsCut(Fault):
    """Every connection through the proxies is reset, and nobody gets a new one."""

    name = "connections-cut"

    def __init__(self, *proxies: TcpProxy, history: Recorder | None = None) -> None:
        super().__init__(history)
        self._proxies = proxies
        self._refusing = ExitStack()
        self._cut = 0

    def inject(self) -> None:
        for proxy in self._proxies:
            self._refusing.enter_context(proxy.refusing())
        self._cut = sum(proxy.cut() for proxy in self._proxies)

    def confirm(self) -> Mapping[str, Any]:
        if not self._cut:
            raise FaultDidNotTakeHold("there was no connection to cut")
        for proxy in self._proxies:
            if _ping_takes_s(proxy) is not None:
                raise FaultDidNotTakeHold(f"Redis answers through {proxy.port}, which is cut")
        return {"connections": self._cut}

    def heal(self) -> None:
        self._refusing.close()


class ConnectionsSlowed(Fault):
    """What goes through the proxies arrives later."""

    name = "connections-slowed"

    def __init__(self, *proxies: TcpProxy, delay_s: float, history: Recorder | None = None) -> None:
        """`delay_s` is for one way: a question and its answer take twice as long."""
        super().__init__(history)
        self._proxies = proxies
        self._delay_s = delay_s
        self._slowing = ExitStack()

    def inject(self) -> None:
        for proxy in self._proxies:
            self._slowing.enter_context(proxy.slowing(self._delay_s))

    def confirm(self) -> Mapping[str, Any]:
        took_s = [_ping_takes_s(proxy) for proxy in self._proxies]
        for taken_s in took_s:
            if taken_s is None or taken_s < 2 * self._delay_s:
                raise FaultDidNotTakeHold(f"a ping took {taken_s} s, slowed by {self._delay_s} s")
        return {"ping_s": took_s}

    def heal(self) -> None:
        self._slowing.close()


def _ping_takes_s(proxy: TcpProxy) -> float | None:
    """None if neither Redis nor RabbitMQ can be reached through it."""
    began_s = time.monotonic()
    try:
        with socket.create_connection((HOST, proxy.port), PROBE_TIMEOUT_S) as probe:
            probe.sendall(PING)
            if not probe.recv(len(PONG)).startswith((PONG, AMQP)):
                return None
    except OSError:
        return None
    return time.monotonic() - began_s
