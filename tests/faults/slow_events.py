"""The shop's worker where sending an event takes a while, as on a machine that is too busy.

The lock of the events is then held for more than half of the time: they go out every half second.
"""

import time
from typing import Any

from celery.events.dispatcher import EventDispatcher

from shop.worker import app

__all__ = ["app"]

EVENTS_TAKE_S = 0.3

_publish = EventDispatcher._publish


def _publish_slowly(self: EventDispatcher, *args: Any, **kwargs: Any) -> Any:
    time.sleep(EVENTS_TAKE_S)
    return _publish(self, *args, **kwargs)


EventDispatcher._publish = _publish_slowly
