"""What a broker did not hear when a connection to it was lost: it is said on another.

A full or busy server takes neither an acknowledgement nor a message back. kombu forgets both with
the connection, and such a message comes again after the visibility time-out, an hour later.
"""

from collections import deque
from collections.abc import Iterable
from contextlib import suppress


class LeftBehind:
    """Acknowledgements and requeues that Redis has not confirmed.

    A delivery tag is never used again, so that sending one twice does no harm.

    Any thread may use it.
    """

    def __init__(self) -> None:
        self._acknowledged: deque[str] = deque()
        self._unacknowledged: deque[str] = deque()

    def __bool__(self) -> bool:
        return bool(self._acknowledged or self._unacknowledged)

    def acknowledge(self, tags: Iterable[str]) -> None:
        """Their tasks are done, if after the connection was lost."""
        for tag in tags:
            with suppress(ValueError):
                self._unacknowledged.remove(tag)
            self._acknowledged.append(tag)

    def give_back(self, tags: Iterable[str]) -> None:
        """They go back into their queues."""
        self._unacknowledged.extend(tags)

    def acknowledged(self) -> list[str]:
        """Takes them out."""
        return [self._acknowledged.popleft() for _ in range(len(self._acknowledged))]

    def last_unacknowledged(self) -> str | None:
        """Takes it out: what goes back last is the first to come again."""
        try:
            return self._unacknowledged.pop()
        except IndexError:
            return None


_by_broker: dict[str, LeftBehind] = {}


def left_behind_at(broker: str) -> LeftBehind:
    """What this process has left behind at a broker, named by its address."""
    return _by_broker.setdefault(broker, LeftBehind())
