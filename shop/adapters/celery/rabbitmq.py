"""RabbitMQ as the broker: what its queues and connections are told; `docs/decisions/0013`."""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, pyamqp

from shop.adapters.celery.head import AT_HEAD_HEADER, HIGH_PRIORITY

#: More deliveries than a message ever sees. RabbitMQ 4 drops one without a word after 20 unless
#: told otherwise, and 3.10 takes -1, which is 4's "never", for "at once". Here the record counts
#: attempts, and what is given up is listed in `orders:dead`.
DELIVERY_LIMIT = 2**31 - 1

#: How each queue is declared, by whoever comes first.
QUEUE_ARGUMENTS = {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT}

#: A worker whose broker says nothing for twice as long connects anew.
HEARTBEAT_S = 10

#: The oldest version that the suites ran on.
MIN_VERSION = (3, 10)


def worker_options(socket_timeout_s: float) -> dict[str, Any]:
    """Transport options of connections that consume; they wait for their broker for ever."""
    return {"socket_timeout": socket_timeout_s}


def publisher_options(socket_timeout_s: float) -> dict[str, Any]:
    """Transport options of connections that publish, each message until it is confirmed."""
    return {
        "socket_timeout": socket_timeout_s,
        # RabbitMQ says so when it has the message on its disks, and not before.
        "confirm_publish": True,
        # kombu's own default is to try again for ever.
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0,
        "interval_max": 0,
    }


class Channel(pyamqp.Channel):
    """Sends what is to be taken next with a high priority."""

    def prepare_message(self, *args: Any, **options: Any) -> Any:
        message = super().prepare_message(*args, **options)  # type: ignore[no-untyped-call]
        if AT_HEAD_HEADER in (message.headers or {}):
            message.properties["priority"] = HIGH_PRIORITY
        return message


class Connection(pyamqp.Connection):
    """A connection of such channels."""

    Channel = Channel


class Transport(pyamqp.Transport):
    """No read or write takes longer than the option `socket_timeout`.

    py-amqp 5.4 reads without a limit once it is connected: it takes the kernel's own time-out, its
    `read_timeout`, for an interruption, and reads on.
    """

    Connection = Connection

    def establish_connection(self) -> Any:
        connection = super().establish_connection()  # type: ignore[no-untyped-call]
        options = connection.client.transport_options or {}
        connection.transport.sock.settimeout(options.get("socket_timeout"))
        return connection


class SSLTransport(Transport, pyamqp.SSLTransport):
    """The same over TLS."""


def install() -> None:
    """Make kombu use these transports in this process, whatever its apps."""
    for scheme in ("amqp", "pyamqp"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"
    TRANSPORT_ALIASES["amqps"] = f"{__name__}:{SSLTransport.__name__}"
