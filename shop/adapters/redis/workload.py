"""How much work there is: one round trip, whatever there is of it."""

import redis.asyncio

from shop.adapters.redis import keys
from shop.adapters.redis.client import store_deadline
from shop.domain.work import Workload


class RedisWorkloadGauge:
    """The sizes of the sets that orders and notifications stand in while they are owed work."""

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._client = client

    async def read(self) -> Workload:
        async with store_deadline(), self._client.pipeline(transaction=False) as pipe:
            for key in (keys.ORDERS_OPEN, keys.NOTIFICATIONS_OPEN, keys.ORDERS_DEAD):
                pipe.zcard(key)
            pipe.llen(keys.MESSAGES_DEAD)
            open_orders, open_notifications, dead_orders, dead_messages = await pipe.execute()
        return Workload(open_orders, open_notifications, dead_orders, dead_messages)
