"""How much work a shop still owes."""

from typing import Any

from redis.exceptions import RedisError

from testing.stack import BROKER_DB, Stack


def owed(stack: Stack) -> int:
    """Open work and waiting messages; at least 1 while Redis does not say."""
    store, broker = stack.redis(), stack.redis(BROKER_DB)
    try:
        opened: Any = store.zcard("orders:open") + store.zcard("notifications:open")
        waiting: Any = broker.llen("default") + broker.llen("priority")
    except RedisError:
        return 1
    return int(opened) + int(waiting)
