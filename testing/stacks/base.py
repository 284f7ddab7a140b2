"""What stacks have in common: clients, waiting until ready, and the report on a failure."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Self

from celery import Celery
from redis import Redis

from shop.adapters.celery.errors import BROKER_ERRORS
from shop.local.ready import http_ok
from testing.brokers import QUEUES, Broker, RedisBroker
from testing.environment import drop_foreign
from testing.stack import (
    BROKER_DB,
    FLOWER,
    RESULTS_DB,
    START_WITHIN_S,
    STORE_DB,
    ServiceHandle,
    Stack,
    StackFailed,
)
from testing.waiting import TimedOut, wait_for

FLOWER_AUTH = ("observer", "only-for-tests")
CLIENT_TIMEOUT_S = 3.0
#: Of each service, in a report on a failure, without the requests that were answered.
LOG_LINES = 40
LOG_LINES_READ = 1_000
ACCESS_LOG = '"logger": "shop.access"'


class BaseStack(ABC):
    """Subclasses start and end the services and know their addresses."""

    name: str

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self.environment: Mapping[str, str] = dict(environment or {})
        self._handles: dict[str, ServiceHandle] = {}
        self._clients: dict[tuple[int, bool], Redis] = {}
        self._broker: Broker | None = None

    @property
    @abstractmethod
    def base_url(self) -> str: ...

    @property
    @abstractmethod
    def flower_url(self) -> str: ...

    @abstractmethod
    def redis_url(self, db: int) -> str:
        """Where this machine reaches the stack's Redis."""

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    def _end(self) -> None:
        """End and remove everything that `start` made, however far it came."""

    @property
    def flower_auth(self) -> tuple[str, str]:
        return FLOWER_AUTH

    @property
    def services(self) -> Sequence[ServiceHandle]:
        return list({id(handle): handle for handle in self._handles.values()}.values())

    def service(self, name: str) -> ServiceHandle:
        try:
            return self._handles[name]
        except KeyError:
            raise StackFailed(f"this {self.name} stack runs no {name}") from None

    def redis(self, db: int = STORE_DB, *, decode_responses: bool = True) -> Redis:
        key = (db, decode_responses)
        if key not in self._clients:
            self._clients[key] = Redis.from_url(
                self.redis_url(db),
                decode_responses=decode_responses,
                socket_timeout=CLIENT_TIMEOUT_S,
                socket_connect_timeout=CLIENT_TIMEOUT_S,
            )
        return self._clients[key]

    @property
    def broker(self) -> Broker:
        if self._broker is None:
            self._broker = self._look_into_broker()
        return self._broker

    def celery(self) -> Celery:
        # Its own variables win over what an app is told.
        drop_foreign(os.environ)
        client = Celery(
            "foreign",
            broker=self.broker.url,
            backend=self.redis_url(RESULTS_DB),
            set_as_current=False,
            fixups=[],
        )
        self.broker.introduce(client)
        return client

    def stop(self) -> None:
        if self._broker is not None:
            self._broker.close()
        clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()
        try:
            self._end()
        finally:
            self._handles = {}

    def wait_ready(self, within_s: float = START_WITHIN_S) -> None:
        probes = {"API": (self.base_url, "/health/ready")}
        if FLOWER in self._handles:
            probes["Flower"] = (self.flower_url, "/healthcheck")
        for what, (url, path) in probes.items():
            host, _, port = url.removeprefix("http://").partition(":")
            wait_for(
                f"{what} of the {self.name} stack is ready",
                partial(self._is_ready, http_ok(host, int(port), path)),
                within_s=within_s,
                explain=self.describe,
            )

    def describe(self) -> str:
        parts = [self._describe_redis()]
        for handle in self.services:
            parts.append(f"--- {handle.name} {_state(handle)}; its last lines:")
            lines = handle.logs(LOG_LINES_READ).splitlines()
            parts += [line for line in lines if ACCESS_LOG not in line][-LOG_LINES:]
        return "\n".join(parts)

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _look_into_broker(self) -> Broker:
        return RedisBroker(self.redis_url(BROKER_DB), lambda: self.redis(BROKER_DB))

    def _is_ready(self, probe: Callable[[], bool]) -> bool:
        ended = [handle.name for handle in self.services if not handle.is_running]
        if ended:
            raise TimedOut(f"{', '.join(ended)} ended\n{self.describe()}")
        return probe()

    def _describe_redis(self) -> str:
        store = self.redis()
        try:
            queues = {queue: self.broker.waiting(queue) for queue in QUEUES}
            taken = {queue: len(self.broker.taken_ids(queue)) for queue in QUEUES}
            owed = {key: store.zcard(key) for key in ("orders:open", "notifications:open")}
            dead = {key: store.zcard(key) for key in ("orders:dead", "notifications:dead")}
            workers = {queue: store.zrange(f"workers:{queue}", 0, -1) for queue in QUEUES}
        except BROKER_ERRORS as error:
            return f"--- Redis or the broker does not answer: {error}"
        return (
            f"--- waiting {queues}, in hand {taken}, owed {owed}, given up {dead}, "
            f"workers {workers}"
        )


def wait_until_broker_answers(stack: Stack, within_s: float) -> None:
    """Until it knows its queues again. Raises `TimedOut`."""

    def answers() -> bool:
        try:
            return all(stack.broker.waiting(queue) >= 0 for queue in QUEUES)
        except BROKER_ERRORS:
            return False

    wait_for("the broker answers", answers, within_s=within_s, explain=stack.describe)


def _state(handle: ServiceHandle) -> str:
    if not handle.is_running:
        return "does not run"
    try:
        return f"runs as {handle.pids()}"
    except StackFailed as error:
        return f"runs, but {error}"
