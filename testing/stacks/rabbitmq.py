"""A RabbitMQ of its own for a stack of local processes: a container, or this machine's server."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testcontainers.core.config import testcontainers_config
from testcontainers.core.labels import SESSION_ID
from testcontainers.core.network import Network

from shop.local.service import Service
from testing.engine import engine_problem
from testing.rabbitmq import IMAGE, has_image, server
from testing.stack import RABBITMQ, ServiceHandle, StackFailed
from testing.stacks.compose import ContainerSpec
from testing.stacks.container import ContainerHandle
from testing.stacks.ports import HOST, stable_port
from testing.stacks.processes import Guard, ProcessHandle
from testing.stacks.reaper import ensure_reaper

#: On two busy cores; an idle machine takes 2 to 8 s.
STARTS_WITHIN_S = 90.0
STOPS_WITHIN_S = 10.0


@contextmanager
def running_rabbitmq(port: int) -> Iterator[ServiceHandle]:
    """A container where the image is here, else this machine's server, else a pulled image.

    Does not wait until it answers. Raises `StackFailed` where neither can be had.
    """
    problem, program = engine_problem(), server()
    if problem is None and (has_image() or program is None):
        with _container(port) as container:
            yield container
    elif program is not None:
        with _process(program, port) as process:
            yield process
    else:
        raise StackFailed(f"a stack on RabbitMQ needs rabbitmq-server or a container: {problem}")


@contextmanager
def _container(port: int) -> Iterator[ContainerHandle]:
    testcontainers_config.ryuk_disabled = True
    ensure_reaper(SESSION_ID)
    spec = ContainerSpec(
        name=RABBITMQ,
        image=IMAGE,
        command=[],
        environment={},
        port=5672,
        stop_grace_s=STOPS_WITHIN_S,
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


@contextmanager
def _process(program: Path, port: int) -> Iterator[ProcessHandle]:
    with tempfile.TemporaryDirectory(prefix="shop-rabbitmq-") as name, Guard() as guard:
        folder = Path(name)
        handle = ProcessHandle(
            Service(
                name=RABBITMQ,
                # Erlang's own register of nodes: one for this node alone, which ends with it.
                argv=("sh", "-c", f"epmd & exec {program}"),
                env=_own(folder, port),
                stop_within_s=STOPS_WITHIN_S,
            ),
            folder=folder,
            environment=os.environ,
            guard=guard,
        )
        handle.start()
        try:
            yield handle
        finally:
            handle.kill()


def _own(folder: Path, port: int) -> dict[str, str]:
    """Nothing of the machine's own node is read, written or met."""
    return {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"shop-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(stable_port()),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "ERL_EPMD_ADDRESS": HOST,
        "ERL_EPMD_PORT": str(stable_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_CONFIG_FILE": str(folder / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
    }
