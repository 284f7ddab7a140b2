"""A RabbitMQ of its own for a stack of local processes: a container, published on 127.0.0.1."""

from collections.abc import Iterator
from contextlib import contextmanager

from testcontainers.core.config import testcontainers_config
from testcontainers.core.labels import SESSION_ID
from testcontainers.core.network import Network

from testing.engine import engine_problem
from testing.stack import RABBITMQ, StackFailed
from testing.stacks.compose import ContainerSpec
from testing.stacks.container import ContainerHandle
from testing.stacks.reaper import ensure_reaper

IMAGE = "rabbitmq:4.0-management"
#: On two busy cores; an idle machine takes 4 to 8 s.
STARTS_WITHIN_S = 90.0


@contextmanager
def running_rabbitmq(port: int) -> Iterator[ContainerHandle]:
    """Does not wait until it answers. Raises `StackFailed` where no container can be run."""
    if (problem := engine_problem()) is not None:
        raise StackFailed(f"a stack on RabbitMQ needs containers: {problem}")
    testcontainers_config.ryuk_disabled = True
    ensure_reaper(SESSION_ID)
    spec = ContainerSpec(
        name=RABBITMQ,
        image=IMAGE,
        command=[],
        environment={},
        port=5672,
        stop_grace_s=10.0,
        volumes=["/var/lib/rabbitmq"],
        tmpfs={},
        # Its data belong to the name of its node.
        options={"hostname": RABBITMQ},
    )
    with Network() as network:
        handle = ContainerHandle(spec, network, published_at=port)
        handle.create()
        try:
            yield handle
        finally:
            handle.resume()
            handle.remove()
