"""When a worker takes a message ahead of its turn."""

import time

#: A message is taken ahead while what is in hand is done with so soon.
SOON_S = 0.1
#: What took longer is remembered for so long.
REMEMBERED_S = 5.0


class Pace:
    """Whether tasks are short now: then one may lie ready for each that runs, and harms nobody.

    Behind a long one it would wait, though another worker may be free.
    """

    def __init__(self) -> None:
        self._since_s: dict[str, float] = {}
        self._last_soon_s = self._last_late_s = float("-inf")

    def begin(self, tag: str) -> None:
        self._since_s[tag] = time.monotonic()

    def end(self, tag: str) -> None:
        since_s, now_s = self._since_s.pop(tag, None), time.monotonic()
        if since_s is None:
            return
        if now_s - since_s <= SOON_S:
            self._last_soon_s = now_s
        else:
            self._last_late_s = now_s

    def is_short(self) -> bool:
        now_s = time.monotonic()
        oldest_s = next(iter(self._since_s.copy().values()), now_s)
        return (
            now_s - oldest_s <= SOON_S
            and now_s - self._last_soon_s <= REMEMBERED_S
            and now_s - self._last_late_s > REMEMBERED_S
        )
