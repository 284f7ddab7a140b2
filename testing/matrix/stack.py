"""A shop of local processes, each of which reaches Redis by a way of its own."""

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import psutil

from shop.local.service import Service
from testing.brokers import REDIS_BROKER
from testing.faults.resp_proxy import RespProxy
from testing.matrix.patches import BEAT_OFTEN
from testing.sabotage.launch import launched
from testing.stack import API, BEAT, BROKER_DB, FLOWER, WORKER_DEFAULT, WORKER_PRIORITY
from testing.stacks.local import LocalStack

#: Whose round trips are spoilt.
SERVICES = (API, WORKER_DEFAULT, WORKER_PRIORITY, BEAT, FLOWER)


class MatrixStack(LocalStack):
    """A `LocalStack` with a proxy for each process; the stack's own clients go directly."""

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        patched: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """`patched` is the patch that a service is started with, by the service's name."""
        self._patched = {BEAT: BEAT_OFTEN, **(patched or {})}
        super().__init__(environment, broker=REDIS_BROKER, alter=self._started, **options)
        redis_port = urlsplit(self.redis_url(BROKER_DB)).port
        assert redis_port is not None
        self.proxies = {service: RespProxy(redis_port) for service in SERVICES}
        for service, proxy in self.proxies.items():
            self.route("REDIS_PORT", str(proxy.port), service=service)
        self._opened = ExitStack()

    def start(self) -> None:
        for proxy in self.proxies.values():
            self._opened.enter_context(proxy)
        super().start()

    def main_pids(self) -> dict[str, list[int]]:
        """Every process of each service, its pool's among them."""
        return {service: sorted(self.service(service).pids()) for service in SERVICES}

    def threads(self) -> Counter[str]:
        """How many threads each service has, over all of its processes."""
        found: Counter[str] = Counter()
        for service, pids in self.main_pids().items():
            for pid in pids:
                try:
                    found[service] += psutil.Process(pid).num_threads()
                except psutil.NoSuchProcess:
                    continue
        return found

    def connections(self) -> Counter[str]:
        """How many connections to Redis each service has, by `service name`."""
        return Counter(
            f"{service} {name}" for service, proxy in self.proxies.items() for name in proxy.names
        )

    def _started(self, service: Service) -> Service:
        patch = self._patched.get(service.name)
        return launched(service, patch) if patch else service

    def _end(self) -> None:
        with self._opened:
            super()._end()
