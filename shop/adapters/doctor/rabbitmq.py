"""RabbitMQ as the broker: reachable, new enough, and how much waits in it."""

from contextlib import closing

from kombu import Connection

from shop.adapters.celery import rabbitmq
from shop.adapters.celery.errors import BROKER_ERRORS
from shop.adapters.doctor.finding import Finding, State
from shop.adapters.doctor.server import TIMEOUT_S, address
from shop.domain.work import Queue


def examined(name: str, dsn: str) -> tuple[Finding, dict[str, int]]:
    """What was found, and the messages that wait in each queue that there is."""
    where = address(dsn)
    rabbitmq.install()
    connection = Connection(
        dsn, connect_timeout=TIMEOUT_S, transport_options={"socket_timeout": TIMEOUT_S}
    )
    try:
        with closing(connection):
            connection.ensure_connection(max_retries=1, interval_start=0)
            version = str(connection.connection.server_properties.get("version", "0"))
            waiting = {}
            for queue in Queue:
                # Another channel for each: RabbitMQ closes one on which a queue was not found.
                channel = connection.channel()
                try:
                    waiting[queue.value] = channel.queue_declare(queue, passive=True).message_count
                except connection.channel_errors:
                    continue
    except BROKER_ERRORS as error:
        advice = "Start it, or correct CELERY_BROKER_DSN."
        return Finding(name, State.FAIL, f"{where}: {error}", advice), {}
    least = ".".join(map(str, rabbitmq.MIN_VERSION))
    if tuple(int(part) for part in version.split(".")[:2]) < rabbitmq.MIN_VERSION:
        return Finding(name, State.FAIL, f"{where} is {version}", f"Use {least} or later."), waiting
    return Finding(name, State.OK, f"{where} answers, {version}"), waiting
