"""What a running system under test looks like to tests, faults and load, wherever it runs."""

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from celery import Celery
from redis import Redis

from testing.brokers import Broker

#: The services of every stack. A stack may run two of them as one: see `Stack.service`.
REDIS, API, BEAT, FLOWER = "redis", "api", "beat", "flower"
#: Of a stack whose broker it is.
RABBITMQ = "rabbitmq"
WORKER_DEFAULT, WORKER_PRIORITY = "worker-default", "worker-priority"

#: Databases of the one Redis.
BROKER_DB, RESULTS_DB, STORE_DB = 0, 1, 2

#: What a busy machine of two cores may need; one that is idle takes 4 to 8 s.
START_WITHIN_S = 120.0


class StackFailed(Exception):
    """A stack could not be started or steered; the message holds what its logs and queues held."""


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """One process of a service, numbered as the service itself sees it."""

    pid: int
    parent_pid: int
    command: str


class ServiceHandle(Protocol):
    """One service of a running stack, to be disturbed and brought back."""

    @property
    def name(self) -> str:
        """What the stack calls it: a process's or a container's name."""

    @property
    def is_running(self) -> bool:
        """Whether its main process lives, frozen or not."""

    def start(self) -> None:
        """Start it again, on the same address and with the same data; does not wait for it."""

    def stop(self) -> None:
        """Ask it to end; returns when all of it has, killed if it took longer than it may."""

    def restart(self) -> None:
        """Stop it and start it again."""

    def kill(self, signum: signal.Signals = signal.SIGKILL) -> None:
        """Send `signum` to its main process; SIGKILL ends all of its processes, and is waited for.

        Nobody starts it again but `start`.
        """

    def pause(self) -> None:
        """Freeze all of its processes: connections stay open, and nothing answers."""

    def resume(self) -> None:
        """Let it go on, as if no time had passed; harmless when it is not frozen."""

    @property
    def is_frozen(self) -> bool:
        """Whether all of its processes were seen to stand still."""

    def processes(self) -> list[ProcessInfo]:
        """Its processes, parents before their children; none when it does not run.

        Raises `StackFailed` for a frozen one that cannot be looked into.
        """

    def pids(self) -> list[int]:
        """The numbers of `processes`."""

    def send_signal(self, pid: int, signum: signal.Signals) -> None:
        """Send `signum` to one of `processes`, such as a process of a worker's pool."""

    def signal_all(self, signum: signal.Signals) -> None:
        """Send `signum` to all of its processes at once; harmless when it does not run.

        Unlike one that is paused, what was stopped by SIGSTOP can be killed as it stands.
        """

    def logs(self, last_lines: int | None = None) -> str:
        """What it wrote since the stack was started, over all its restarts."""


class Stack(Protocol):
    """A whole shop of its own: nothing is shared with another stack but the machine.

    A context manager: entering starts it and waits until it is ready, leaving ends all of it.
    """

    @property
    def name(self) -> str:
        """The kind of stack: `local`, `containers`."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The settings that were chosen for this stack; all others have their defaults."""

    @property
    def base_url(self) -> str:
        """Where the API is; stays the same when it is started again."""

    @property
    def flower_url(self) -> str: ...

    @property
    def flower_auth(self) -> tuple[str, str]:
        """Flower's user name and password."""

    @property
    def services(self) -> Sequence[ServiceHandle]:
        """Every service once, Redis first."""

    def service(self, name: str) -> ServiceHandle:
        """The service that does the work of `name`, one of the constants of this module.

        Both workers are one service where they share a container.
        """

    def redis(self, db: int = STORE_DB, *, decode_responses: bool = True) -> Redis:
        """A client that waits a few seconds at most; the stack closes it."""

    @property
    def broker(self) -> Broker:
        """A look into its queues; the stack closes it."""

    def celery(self) -> Celery:
        """A client as anybody's: it knows the broker and the results, and none of our code."""

    def start(self) -> None:
        """Start every service; does not wait for them."""

    def stop(self) -> None:
        """End everything at once, whatever state it is in, and remove its data."""

    def wait_ready(self, within_s: float = START_WITHIN_S) -> None:
        """Until orders are taken and worked on. Raises `TimedOut` with `describe()`."""

    def describe(self) -> str:
        """What the queues and the logs hold now, for whoever has to find out what went wrong."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
