"""Where a run's traffic goes: a stack that is raised for it, or a shop that is there."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import httpx
from redis import Redis

from loadtest.experiments.experiment import Setup, Topology
from loadtest.results.lock import lock_file
from loadtest.running.cores import apart, shared
from testing.brokers import RABBITMQ_BROKER, REDIS_BROKER, chosen_broker
from testing.engine import engine_problem
from testing.stack import FLOWER, WORKER_DEFAULT, WORKER_PRIORITY, Stack
from testing.stacks.containers import ContainerStack
from testing.stacks.local import LocalStack

ANSWERS_WITHIN_S = 5.0
#: Enough for any run.
STOCK = 1_000_000_000
PRICE_MINOR = 1_990


class Refused(Exception):
    """The run was not begun, and would have said nothing; one line says why."""


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop that answers."""

    base_url: str
    #: None for one that is not ours.
    stack: Stack | None = None
    #: Image's name -> its id, of what runs in containers.
    images: Mapping[str, str] = field(default_factory=dict)

    @property
    def redis(self) -> Redis | None:
        return self.stack.redis() if self.stack is not None else None


class Target(Protocol):
    """What `--stack` names."""

    @property
    def holds(self) -> Sequence[str]:
        """What is locked while a run lasts."""

    @property
    def has_control(self) -> bool:
        """Whether there is a shop for the control arm."""

    @property
    def is_own(self) -> bool:
        """Whether the shop is raised for the run, watched from inside, and thrown away."""

    def check(self, setup: Setup) -> None:
        """Starts nothing. Raises `Refused` if such a shop cannot be had."""

    def raised(self, setup: Setup) -> AbstractContextManager[Shop]:
        """A shop of its own for one arm, empty and with the lab's items in stock.

        Raises `Refused`, `StackFailed`, `TimedOut`.
        """


class LocalTarget:
    """Processes of this machine."""

    name = "local"
    holds = (name,)
    has_control = True
    is_own = True

    def __init__(self, broker: str | None = None) -> None:
        """`broker` is as for `LocalStack`."""
        self._broker = broker

    def check(self, setup: Setup) -> None:
        pass

    @contextmanager
    def raised(self, setup: Setup) -> Iterator[Shop]:
        environment, without = dict(setup.environment), {FLOWER}
        if setup.topology is Topology.SHARED:
            without.add(WORKER_PRIORITY)
        cores = apart() if setup.cores_apart else shared()
        with (
            cores as take_the_generators,
            LocalStack(
                environment, without=without, alter=_arranged(setup), broker=self._broker
            ) as stack,
        ):
            _stock_up(stack)
            take_the_generators()
            yield Shop(stack.base_url, stack)


class ContainersTarget:
    """The Compose file's services, as containers of their own."""

    name = "containers"
    holds = (name,)
    has_control = True
    is_own = True

    def __init__(self, broker: str | None = None) -> None:
        """`broker` is as for `LocalStack`."""
        self._broker = broker

    def check(self, setup: Setup) -> None:
        if (problem := engine_problem()) is not None:
            raise Refused(problem)
        _require_own(setup)

    @contextmanager
    def raised(self, setup: Setup) -> Iterator[Shop]:
        self.check(setup)
        with ContainerStack(setup.environment, broker=self._broker) as stack:
            _stock_up(stack)
            yield Shop(stack.base_url, stack, stack.images())


class UrlTarget:
    """A shop that somebody else raised; its settings are theirs."""

    is_own = False

    def __init__(self, url: str, control_url: str | None) -> None:
        self._url = url
        self._control_url = control_url
        self.holds = (url, control_url) if control_url else (url,)

    @property
    def has_control(self) -> bool:
        return self._control_url is not None

    def check(self, setup: Setup) -> None:
        _require_own(setup)
        require_ready(self._url_of(setup))

    @contextmanager
    def raised(self, setup: Setup) -> Iterator[Shop]:
        self.check(setup)
        yield Shop(self._url_of(setup))

    def _url_of(self, setup: Setup) -> str:
        is_control = setup.environment.get("NOTIFICATION_QUEUE") == "default"
        url = self._control_url if is_control else self._url
        if url is None:
            raise Refused("there is no shop for the control: name one with --control")
        return url


def broker_of(stack: str, broker: str | None) -> str | None:
    """The broker of a stack that is raised; None is Redis, or whatever a shop at a URL has.

    Raises `Refused`.
    """
    if broker is None and not _is_url(stack):
        try:
            broker = chosen_broker()
        except ValueError as error:
            raise Refused(str(error)) from None
        return None if broker == REDIS_BROKER else broker
    return broker


def own_broker(stack: str) -> str | None:
    """Redis for a stack that is raised, whatever the environment names."""
    return None if _is_url(stack) else REDIS_BROKER


def choose(stack: str, control_url: str | None, broker: str | None = None) -> Target:
    """What `--stack` means: `local`, `containers`, or a base URL. Raises `Refused`."""
    if broker not in (None, REDIS_BROKER, RABBITMQ_BROKER):
        raise Refused(f"--broker {broker}: {REDIS_BROKER} or {RABBITMQ_BROKER}")
    is_url = _is_url(stack)
    if control_url is not None and not is_url:
        raise Refused(f"--control goes with the URL of a shop; --stack {stack} raises its own")
    if stack == LocalTarget.name:
        return LocalTarget(broker)
    if stack == ContainersTarget.name:
        return ContainersTarget(broker)
    if broker is not None and is_url:
        raise Refused("--broker is for --stack local and containers: a shop at a URL has its own")
    if is_url:
        url, control = stack.rstrip("/"), control_url.rstrip("/") if control_url else None
        if control is not None and lock_file(url) == lock_file(control):
            raise Refused(f"--control {control} is the shop itself: it has to be another one")
        return UrlTarget(url, control)
    raise Refused(f"--stack {stack}: local, containers or a URL such as http://127.0.0.1:8000")


def _is_url(stack: str) -> bool:
    return stack.startswith(("http://", "https://"))


def require_ready(url: str) -> None:
    """Raises `Refused` unless a shop there says that it is ready."""
    try:
        answer = httpx.get(f"{url}/health/ready", timeout=ANSWERS_WITHIN_S, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Refused(f"no shop answers at {url}: {error}") from None
    if answer.status_code != httpx.codes.OK:
        raise Refused(f"the shop at {url} is not ready: {answer.text[:200]}")


def own_api_key() -> str | None:
    """What a shop that asks for a key is sent."""
    return os.environ.get("LAB_API_KEY") or None


def _require_own(setup: Setup) -> None:
    if setup.topology is not Topology.OWN:
        raise Refused(f"{setup.topology} can be had on --stack local only")


def _stock_up(stack: Stack) -> None:
    redis = stack.redis()
    for number in range(ITEMS):
        redis.set(f"stock:LAB-{number}", STOCK)
        redis.set(f"price:LAB-{number}", PRICE_MINOR)


#: As many as `schedule.draw` orders of by itself.
ITEMS = 10


def _arranged(setup: Setup) -> Callable[[Any], Any]:
    """What starts the services as the topology has it."""

    def alter(service: Any) -> Any:
        if setup.topology is not Topology.SHARED or service.name != WORKER_DEFAULT:
            return service
        argv = ["default,priority" if word == "default" else word for word in service.argv]
        return replace(service, argv=tuple(argv))

    return alter
