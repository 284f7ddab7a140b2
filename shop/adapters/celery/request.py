"""Stamps each delivery when the worker receives it."""

import os
import time
from typing import Any

from celery.exceptions import InvalidTaskError

from shop.adapters.celery.settling import SettledRequest

#: Keys in a task's request, read by the task base.
RECEIVED_MONOTONIC_S = "received_monotonic_s"
DELIVERY_ID = "delivery_id"

#: A longer one was never issued, says the API.
MAX_ID_CHARS = 255
#: Headers that are texts, if they are there.
_TEXTS = ("argsrepr", "group", "kwargsrepr", "origin", "parent_id", "root_id", "shadow")


class StampedRequest(SettledRequest):
    """Tells the pool's process when its main process received the message.

    Both are on one machine, so a monotonic clock serves; the store makes the wall time of it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self._is_a_task():
            raise InvalidTaskError("shaped like no task")
        self.request_dict[RECEIVED_MONOTONIC_S] = time.monotonic()
        self.request_dict[DELIVERY_ID] = os.urandom(8).hex()

    def _is_a_task(self) -> bool:
        """Celery finds out later: where it calls the task, or stores what became of it.

        By then the message is in hand, and where that raises it stays there, with its place.
        """
        headers = self.request_dict
        named = (headers.get(name) for name in _TEXTS)
        return (
            isinstance(self.id, str)
            and 0 < len(self.id) <= MAX_ID_CHARS
            and isinstance(self.args, list | tuple)
            and isinstance(self.kwargs, dict)
            and _is_followed_by_tasks(self._payload[2])
            and isinstance(headers.get("retries"), int | None)
            and all(
                isinstance(limit, int | float | None) for limit in headers.get("timelimit") or ()
            )
            and all(isinstance(text, str | None) for text in named)
        )


def _is_followed_by_tasks(embedded: Any) -> bool:
    """Whether what is to be sent after the task, nothing in the shop, stands in lists."""
    if embedded is None:
        return True
    return isinstance(embedded, dict) and all(
        isinstance(embedded.get(name), list | None) for name in ("callbacks", "errbacks", "chain")
    )
