"""Greenlets that do not fail unseen."""

from collections.abc import Callable
from typing import Any

import gevent


class Crew:
    """Greenlets that work for the one that made this: an error of theirs is raised in that one."""

    def __init__(self) -> None:
        self._owner = gevent.getcurrent()

    def spawn(
        self, function: Callable[..., Any], *args: Any, by: Callable[..., Any] = gevent.spawn
    ) -> gevent.Greenlet:
        """`by` is what spawns it, such as a pool."""
        # A link to its end would do as well, at a higher price: a flood spawns thousands a second.
        return by(self._guarded, function, *args)

    def _guarded(self, function: Callable[..., Any], *args: Any) -> None:
        try:
            function(*args)
        except gevent.GreenletExit:
            raise
        except BaseException as error:
            self._owner.kill(error, block=False)
            raise
