"""When a service that ended is started again, and when it is given up."""

import time
from collections import deque
from collections.abc import Callable

#: Seconds before each restart of a service that ends again and again; the last one repeats.
BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
#: A service that has run for so long is steady: the next back-off begins with the shortest.
STEADY_AFTER_S = 60.0
#: A service that ends so often within that time is given up.
MAX_ENDS, MAX_ENDS_WITHIN_S = 5, 60.0

#: What a process ends with that was used or set up wrongly (the last is sysexits' EX_CONFIG): the
#: next one would end like it.
HOPELESS_EXITS = frozenset({2, 78})


class RestartPolicy:
    """The restarts of one service."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._started_s = now_s()
        self._ends_s: deque[float] = deque(maxlen=MAX_ENDS)
        self._in_a_row = 0

    @property
    def is_steady(self) -> bool:
        """Whether it was started `STEADY_AFTER_S` ago or earlier."""
        return self._now_s() - self._started_s >= STEADY_AFTER_S

    def started(self) -> None:
        self._started_s = self._now_s()

    def ended(self, *, asks_for_it: bool = False) -> float | None:
        """Seconds until the service is started again; None if it is given up.

        Who `asks_for_it` is started at once. It counts all the same: a worker that stalls as soon
        as it runs is of no use either.
        """
        if self.is_steady:
            self._in_a_row = 0
        now_s = self._now_s()
        self._ends_s.append(now_s)
        if len(self._ends_s) == MAX_ENDS and now_s - self._ends_s[0] < MAX_ENDS_WITHIN_S:
            return None
        if asks_for_it:
            return 0.0
        self._in_a_row += 1
        return BACK_OFF_S[min(self._in_a_row, len(BACK_OFF_S)) - 1]
