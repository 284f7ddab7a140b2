"""One service under the supervisor: how far it has come."""

from dataclasses import dataclass

from shop.local.process import ServiceProcess
from shop.local.restarts import HOPELESS_EXITS, RestartPolicy
from shop.local.service import Service, always


@dataclass(slots=True)
class Run:
    """A service with its process, from the first start through every restart."""

    service: Service
    process: ServiceProcess
    restarts: RestartPolicy
    #: Of its process, or of the last one.
    group: int | None = None
    is_ready: bool = False
    #: Whether a probe has ever found it ready.
    was_ready: bool = False
    #: When it is started again, by the clock of the restarts; None while it runs.
    restart_at_s: float | None = None
    has_ended: bool = False
    is_stopping: bool = False
    was_killed: bool = False

    @property
    def is_alive(self) -> bool:
        return self.group is not None and not self.has_ended

    def look(self) -> None:
        """Ask whether it is ready."""
        self.is_ready = self.service.is_ready()
        self.was_ready = self.was_ready or (self.is_ready and self.service.is_ready is not always)

    def is_hopeless(self, returncode: int) -> bool:
        """Whether a process that has just ended so would end so again."""
        # Without a probe nobody knows whether it was ready: it was if it has run for long.
        if self.was_ready or self.restarts.is_steady:
            return False
        return returncode in HOPELESS_EXITS or not self.service.retries_start
