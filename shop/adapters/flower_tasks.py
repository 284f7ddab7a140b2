"""What Flower remembers of a task, so that it can be forgotten at once."""

from collections.abc import Callable, Mapping
from typing import Any

from celery.events.state import Task


class ForgettableTask(Task):  # type: ignore[misc]
    """Is freed when Flower drops it, and not when somebody looks for garbage.

    Celery's holds bound methods of itself, and once it was shown the root of its tasks, which may
    be itself. Only the collector frees such: Flower's memory went up and down by thousands of
    tasks, a little higher each time.
    """

    @property
    def parent(self) -> Task | None:
        return self._known(self.parent_id)

    @property
    def root(self) -> Task | None:
        return self._known(self.root_id)

    def _known(self, task_id: str | None) -> Task | None:
        """None also of one that was kept in a file: it knows of no others."""
        state = self.cluster_state
        # Past the book-keeping of what was used last: to be shown is not to be used.
        return state.tasks.data.get(task_id) if state is not None else None

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
