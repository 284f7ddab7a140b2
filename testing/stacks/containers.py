"""The shop as containers, with the services of the Compose files."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from testcontainers.core.config import testcontainers_config
from testcontainers.core.labels import SESSION_ID
from testcontainers.core.network import Network

from testing.brokers import (
    RABBITMQ_BROKER,
    Broker,
    RabbitMqBroker,
    chosen_broker,
    rabbitmq_url,
)
from testing.stack import (
    API,
    BEAT,
    FLOWER,
    RABBITMQ,
    REDIS,
    WORKER_DEFAULT,
    WORKER_PRIORITY,
    ServiceHandle,
    Stack,
)
from testing.stacks.base import FLOWER_AUTH, BaseStack
from testing.stacks.compose import RABBITMQ_FILE, read_services
from testing.stacks.container import ContainerHandle
from testing.stacks.image import build_image
from testing.stacks.ports import HOST, stable_port
from testing.stacks.reaper import ensure_reaper

T = TypeVar("T")

#: Compose's name of the service that does each work.
CONTAINERS = {
    REDIS: "redis",
    API: "backend",
    WORKER_DEFAULT: "workers",
    WORKER_PRIORITY: "workers",
    BEAT: "celery_beat",
    FLOWER: "flower",
    RABBITMQ: "rabbitmq",
}
RABBITMQ_USER, RABBITMQ_PASSWORD = "shop", "onlyfortests"
_ON_RABBITMQ = {
    "RABBITMQ_PASSWORD": RABBITMQ_PASSWORD,
    "CELERY_BROKER_DSN": f"amqp://{RABBITMQ_USER}:{RABBITMQ_PASSWORD}@rabbitmq:5672//",
}


class ContainerStack(BaseStack):
    """A network of its own with a container for each service, made by Testcontainers."""

    name = "containers"

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        image: str | None = None,
        broker: str | None = None,
    ) -> None:
        """`environment` is settings by name; `image` is built from this tree if none is given.

        `broker` is as for `LocalStack`.
        """
        super().__init__(environment)
        self._image = image
        self._on_rabbitmq = (broker or chosen_broker()) == RABBITMQ_BROKER
        published = ["redis", "backend", "flower", *["rabbitmq"] * self._on_rabbitmq]
        self._ports = {name: stable_port() for name in published}
        self._network: Network | None = None
        self._containers: dict[str, ContainerHandle] = {}

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self._ports['backend']}"

    @property
    def flower_url(self) -> str:
        return f"http://{HOST}:{self._ports['flower']}"

    def redis_url(self, db: int) -> str:
        password = self.environment.get("REDIS_PASSWORD")
        account = f":{quote(password, safe='')}@" if password else ""
        return f"redis://{account}{HOST}:{self._ports['redis']}/{db}"

    def container(self, name: str) -> ContainerHandle:
        """A service by the name that Compose has for it."""
        return self._containers[name]

    def images(self) -> dict[str, str]:
        """The id of each image that runs, by the image's name."""
        return dict(container.image for container in self._containers.values())

    def memory(self) -> dict[str, int]:
        """Bytes that each container's processes hold, by Compose's name; those that run."""
        return {
            name: held
            for name, container in self._containers.items()
            if (held := container.memory()) is not None
        }

    def start(self) -> None:
        # Its place is taken by a process of ours, which needs no image from a registry.
        testcontainers_config.ryuk_disabled = True
        ensure_reaper(SESSION_ID)
        user, password = FLOWER_AUTH
        services = read_services(
            self._image or build_image(),
            {
                "FLOWER_USER": user,
                "FLOWER_PASSWORD": password,
                **(_ON_RABBITMQ if self._on_rabbitmq else {}),
                **self.environment,
            },
            *[RABBITMQ_FILE] * self._on_rabbitmq,
        )
        self._network = Network().create()
        for name, service in services.items():
            self._containers[name] = ContainerHandle(
                service, self._network, published_at=self._ports.get(name)
            )
        handles: dict[str, ServiceHandle] = {
            work: self._containers[name]
            for work, name in CONTAINERS.items()
            if name in self._containers
        }
        # All at once: each service waits for Redis and the broker by itself.
        _in_parallel(ContainerHandle.create, self._containers.values())
        self._handles = handles

    def _look_into_broker(self) -> Broker:
        if not self._on_rabbitmq:
            return super()._look_into_broker()
        port = self._ports["rabbitmq"]
        return RabbitMqBroker(rabbitmq_url(port, RABBITMQ_USER, RABBITMQ_PASSWORD))

    def _end(self) -> None:
        containers, self._containers = self._containers, {}
        network, self._network = self._network, None
        try:
            _in_parallel(ContainerHandle.remove, containers.values())
        finally:
            if network is not None:
                network.remove()


def _in_parallel(work: Callable[[ContainerHandle], T], handles: Iterable[ContainerHandle]) -> None:
    """Raises the first error, when all have come to an end."""
    with ThreadPoolExecutor() as pool:
        outcomes = [pool.submit(work, handle) for handle in handles]
    for outcome in outcomes:
        outcome.result()


if TYPE_CHECKING:
    _is_a_stack: type[Stack] = ContainerStack
