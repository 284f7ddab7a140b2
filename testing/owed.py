"""How much work a shop still owes."""

from typing import Any

from shop.adapters.celery.errors import BROKER_ERRORS
from testing.brokers import QUEUES
from testing.stack import Stack


def owed(stack: Stack) -> int:
    """Open work and waiting messages; at least 1 while Redis or the broker does not say."""
    store = stack.redis()
    try:
        opened: Any = store.zcard("orders:open") + store.zcard("notifications:open")
        waiting = sum(stack.broker.waiting(queue) for queue in QUEUES)
    except BROKER_ERRORS:
        return 1
    return int(opened) + waiting
