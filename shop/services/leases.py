"""Keeps the leases of deliveries that take long, for as long as their process lives."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shop.domain.errors import StoreUnavailable

logger = logging.getLogger(__name__)

#: Several times within a lease, so that a store which is away for a while costs no lease.
RENEW_EVERY_S = 4.0
#: The store was away: the lease may be over, and whoever asks first has the delivery.
RETRY_AFTER_S = 0.5


class LeaseRenewer:
    """Renews what is held from a thread of its own, which is there only while something is."""

    def __init__(
        self, renew: Callable[[str, str], bool], *, every_s: float = RENEW_EVERY_S
    ) -> None:
        """`renew` takes a task's id and a delivery's; False: somebody else has the lease."""
        self._renew = renew
        self._every_s = every_s
        self._lock = threading.Lock()
        #: (task id, delivery id) -> when it is to be renewed next, by the monotonic clock.
        self._due_s: dict[tuple[str, str], float] = {}
        self._is_running = False

    @contextmanager
    def holding(self, task_id: str, delivery_id: str) -> Iterator[None]:
        key = task_id, delivery_id
        with self._lock:
            self._due_s[key] = time.monotonic() + self._every_s
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="leases", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._due_s.pop(key, None)

    def _run(self) -> None:
        pause_s = self._every_s
        while True:
            time.sleep(pause_s)
            pause_s = self._every_s
            now_s = time.monotonic()
            with self._lock:
                if not self._due_s:
                    self._is_running = False
                    return
                due = [key for key, due_s in self._due_s.items() if due_s <= now_s]
            for key in due:
                if not self._renewed(*key):
                    pause_s = RETRY_AFTER_S

    def _renewed(self, task_id: str, delivery_id: str) -> bool:
        try:
            is_held = self._renew(task_id, delivery_id)
        except StoreUnavailable as error:
            logger.warning("the lease of notification %s is not renewed: %s", task_id, error)
            return False
        except Exception:
            # The thread renews the others' as well, and no second one is started beside it.
            logger.exception("the lease of notification %s is not renewed", task_id)
            return False
        with self._lock:
            if (task_id, delivery_id) in self._due_s:
                self._due_s[task_id, delivery_id] = time.monotonic()
        if not is_held:
            logger.debug("notification %s is in another's hand", task_id)
        return True
