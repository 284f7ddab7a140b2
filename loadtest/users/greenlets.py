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
        greenlet = by(function, *args)
        greenlet.link_exception(self._failed)
        return greenlet

    def _failed(self, greenlet: gevent.Greenlet) -> None:
        self._owner.kill(greenlet.exception, block=False)
