"""The shop that the page sends to: one that is there, or one that is raised for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import cast

from rich.console import Console

from loadtest.experiments.capacity import DEFAULT_PROCESSES, PRIORITY_THREADS, PROCESSES
from loadtest.experiments.experiment import Setup
from loadtest.experiments.priority_under_flood import NOTIFICATION_DELAY_MS, ORDER_DELAY_MS
from loadtest.results.lock import held
from loadtest.running.targets import LocalTarget, Refused, require_ready
from loadtest.web.control import Controlled, Fixed
from loadtest.web.facts import Facts
from testing.stack import WORKER_DEFAULT
from testing.stacks.local import LocalStack

DEFAULT_URL = "http://127.0.0.1:8000"


class OwnShop:
    """A stack of this machine, raised for the page."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._facts = Facts(
            base_url=stack.base_url,
            notification_ms=NOTIFICATION_DELAY_MS,
            order_ms=ORDER_DELAY_MS,
            priority_slots=PRIORITY_THREADS,
            default_slots=DEFAULT_PROCESSES,
        )

    @property
    def facts(self) -> Facts:
        return self._facts

    def set_order_ms(self, order_ms: int) -> None:
        """Starts the worker again, unless it is so already."""
        if order_ms == self._facts.order_ms:
            return
        self._stack.restart_with(WORKER_DEFAULT, {"ORDER_DELAY_MS": str(order_ms)})
        self._stack.wait_ready()
        self._facts = replace(self._facts, order_ms=order_ms)


@dataclass(frozen=True, slots=True)
class ForeignShop:
    """Somebody else's: its settings are theirs."""

    base_url: str

    @property
    def facts(self) -> Facts:
        return Facts(base_url=self.base_url, why_fixed=self._why_fixed)

    def set_order_ms(self, order_ms: int) -> None:  # noqa: ARG002  (as the port has it)
        raise Fixed(self._why_fixed)

    @property
    def _why_fixed(self) -> str:
        return f"the shop at {self.base_url} was not raised here: its service time is its own"


@contextmanager
def chosen_shop(url: str | None, notes: Console) -> Iterator[Controlled]:
    """The shop at `url`, or for `local` one that is raised.

    Without a URL it is that at `DEFAULT_URL` if one is ready there, and else one that is raised.
    Raises `Refused`, `StackHeld`, `StackFailed`, `TimedOut`.
    """
    base_url = (url or DEFAULT_URL).rstrip("/")
    target = LocalTarget()
    if url == target.name or (url is None and not _is_ready(base_url)):
        why = f"no shop is ready at {base_url}: " if url is None else ""
        notes.print(f"{why}raising one ...", soft_wrap=True)
        setup = Setup(
            {
                **PROCESSES,
                "ORDER_DELAY_MS": str(ORDER_DELAY_MS),
                "NOTIFICATION_DELAY_MS": str(NOTIFICATION_DELAY_MS),
            }
        )
        with held(target.name), target.raised(setup) as shop:
            yield OwnShop(cast(LocalStack, shop.stack))
        return
    if url is not None:
        require_ready(base_url)
    with held(base_url):
        yield ForeignShop(base_url)


def _is_ready(base_url: str) -> bool:
    try:
        require_ready(base_url)
    except Refused:
        return False
    return True
