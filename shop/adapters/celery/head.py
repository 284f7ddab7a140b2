"""Messages that do not wait behind others.

A queue is first in, first out. What Beat sends is about the shop as a whole, and of no use once
the next of its kind is sent; behind more than five minutes of orders it expired undone.
"""

from typing import Any

from kombu.transport import redis
from kombu.utils.json import dumps

from shop.adapters.redis.scripts import Script

#: Header of a message that is to be taken next, with the name of its kind: one of each waits.
AT_HEAD_HEADER = "shop_at_head"
#: Of RabbitMQ's quorum queues: from 4.0 on more than 4 is high, and before there is but one.
HIGH_PRIORITY = 9
#: So many of a queue's next messages may be such that were put there.
KINDS_AT_MOST = 8

_PUT = Script.named("put_at_head")


class PuttingChannel(redis.Channel):
    """Puts messages with the header at that end of the list from which they are taken."""

    def _put(self, queue: str, message: dict[str, Any], **options: Any) -> None:
        kind = message["headers"].get(AT_HEAD_HEADER)
        if kind is None or options.get("_publish_batch") is not None:
            super()._put(queue, message, **options)  # type: ignore[no-untyped-call]
            return
        # As it stands in the message.
        mark = dumps({AT_HEAD_HEADER: kind})[1:-1]
        with self.conn_or_acquire() as client:
            client.eval(_PUT.text, 1, queue, dumps(message), mark)
