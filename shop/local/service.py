"""What a service is, for whoever starts and stops it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def always() -> bool:
    """The probe of a service that counts as ready once it runs."""
    return True


@dataclass(frozen=True, slots=True)
class Service:
    """One long-running process: how to start it, when it is ready, and when it is stopped."""

    name: str
    argv: tuple[str, ...]
    #: Added to the environment of whoever starts it; credentials go here, never into `argv`.
    env: Mapping[str, str] = field(default_factory=dict)
    #: Asked again and again until it is true; answers within a second.
    is_ready: Callable[[], bool] = always
    #: Names of the services that must be ready before this one starts.
    after: tuple[str, ...] = ()
    #: The exit code with which it asks to be started again at once, and not after a while.
    restart_on: int | None = None
    #: Whether it is started again when it ends before it was ever ready.
    retries_start: bool = True
    #: Services with a lower stage are stopped first.
    stop_stage: int = 0
    #: How long it may take to end on SIGTERM, and what earlier stages did not need on top; then
    #: it is killed.
    stop_within_s: float = 2.0
