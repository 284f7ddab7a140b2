"""What Flower remembers of a task, so that it can be forgotten at once."""

from collections.abc import Callable, Mapping
from typing import Any

from celery.events.state import Task


class ForgettableTask(Task):  # type: ignore[misc]
    """Is freed when Flower drops it, and not when somebody looks for garbage.

    Celery's holds bound methods of itself, so that only the collector frees it: Flower's memory
    went up and down by thousands of tasks, a little higher each time.
    """

    @property
    def _serializer_handlers(self) -> Mapping[str, Callable[[Any], Any]]:
        return {
            "children": self._serializable_children,
            "root": self._serializable_root,
            "parent": self._serializable_parent,
        }

    @_serializer_handlers.setter
    def _serializer_handlers(self, handlers: object) -> None:
        """They are made when they are asked for."""
