"""Stamps each delivery when the worker receives it."""

import os
import time
from typing import Any

from shop.adapters.celery.settling import SettledRequest

#: Keys in a task's request, read by the task base.
RECEIVED_MONOTONIC_S = "received_monotonic_s"
DELIVERY_ID = "delivery_id"


class StampedRequest(SettledRequest):
    """Tells the pool's process when its main process received the message.

    Both are on one machine, so a monotonic clock serves; the store makes the wall time of it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request_dict[RECEIVED_MONOTONIC_S] = time.monotonic()
        self.request_dict[DELIVERY_ID] = os.urandom(8).hex()
