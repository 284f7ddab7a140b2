"""What a worker has in hand of a Redis queue, and how much more it may take."""

from typing import Any

from kombu.transport import virtual
from redis.exceptions import RedisError

from shop.adapters.celery.pace import Pace
from shop.adapters.celery.unreadable import RestoringQoS


class QoS(RestoringQoS):
    """What is in hand.

    Gives a message's slot back even when Redis does not hear that it is done. kombu 5.7 counts such
    a message as in hand until its connection ends, and a worker with all slots taken asks for no
    more. What was not acknowledged comes once more after the visibility time-out, and does no harm.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self._pace = Pace()

    def room(self) -> int:
        """How many more messages may be taken; one at a time where there is no limit."""
        if not self.prefetch_count:
            return 1
        ahead = self.prefetch_count if self._pace.is_short() else 0
        return int(self.prefetch_count + ahead - len(self._delivered) + len(self._dirty))

    def can_consume(self) -> bool:
        return self.room() > 0

    def append(self, message: Any, delivery_tag: str) -> None:
        self._pace.begin(delivery_tag)
        if delivery_tag in self.channel.taken:
            self.channel.taken.remove(delivery_tag)
            virtual.QoS.append(self, message, delivery_tag)
        else:
            super().append(message, delivery_tag)  # type: ignore[no-untyped-call]

    def ack(self, delivery_tag: str) -> None:
        self._pace.end(delivery_tag)
        was_full = self.room() <= 0
        if self.channel.acknowledge_later(delivery_tag):
            self._quick_ack(delivery_tag)
            if was_full:
                self.channel.wake()
            return
        try:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]
        except RedisError:
            self._quick_ack(delivery_tag)
            raise

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not requeue:
            self.ack(delivery_tag)
            return
        self._pace.end(delivery_tag)
        try:
            super().reject(delivery_tag, requeue)  # type: ignore[no-untyped-call]
        except RedisError:
            self._quick_ack(delivery_tag)
            raise
