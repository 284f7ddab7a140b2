"""What a worker has in hand of a Redis queue, and how much more it may take."""

import json
import logging
import re
from dataclasses import dataclass
from typing import Any

from kombu.transport import redis, virtual
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import loads
from redis.exceptions import RedisError

from shop.adapters.celery.pace import Pace
from shop.adapters.celery.unreadable import can_restore
from shop.domain.work import Queue

logger = logging.getLogger(__name__)

#: How `take_messages.lua` writes down a message, which may be anything.
_TAKEN = re.compile(rb'\[(?P<message>.*),"",(?P<queue>"[^"]*")\]', re.DOTALL)


class QoS(redis.QoS):
    """What is in hand.

    Gives a message's slot back even when Redis does not hear that it is done. kombu 5.7 counts such
    a message as in hand until its connection ends, and a worker with all slots taken asks for no
    more. What Redis does not hear, it is told on the next connection.
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
        if self.channel.closed:
            # Its task went on while the connection was lost, and is none the worse for it.
            self.channel.left_behind.acknowledge([delivery_tag])
            return
        try:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]
        except RedisError:
            self._quick_ack(delivery_tag)
            self.channel.left_behind.acknowledge([delivery_tag])
            raise

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not requeue:
            self.ack(delivery_tag)
            return
        self._pace.end(delivery_tag)
        if self.channel.closed:
            self.channel.left_behind.give_back([delivery_tag])
            return
        try:
            super().reject(delivery_tag, requeue)  # type: ignore[no-untyped-call]
        except RedisError:
            self._quick_ack(delivery_tag)
            self.channel.left_behind.give_back([delivery_tag])
            raise

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:
        """Put a message back into its queue, at the end if `leftmost`.

        kombu 5.7 watches its key for that, and redis-py 8.1 turns each loss of a connection that
        watches into a reason to try once more, at once and for ever: the worker hung for as long
        as Redis refused.
        """
        with self.channel.conn_or_acquire(client) as asked:
            written = asked.hget(self.unacked_key, tag)
        pushed = [] if written is None else self._to_push(written, leftmost)
        self.channel.give_back(
            keys=[self.unacked_key, self.unacked_index_key, *(key for key, _ in pushed)],
            args=[tag, "LPUSH" if leftmost else "RPUSH", *(text for _, text in pushed)],
        )

    def _to_push(self, written: bytes, leftmost: bool) -> "list[tuple[str, str | bytes]]":
        """Lists, and what is pushed onto each: marked as redelivered, if it is a message at all.

        kombu falls over what it cannot read, and throws away what it cannot mark.
        """
        if can_restore(written):
            pushed = _Pushed([])
            message, exchange, routing_key = loads(bytes_to_str(written))
            self.channel._do_restore_message(  # noqa: SLF001 - as kombu does
                message, exchange, routing_key, pushed, leftmost
            )
            return pushed.pairs
        if match := _TAKEN.fullmatch(written):
            return [(json.loads(match["queue"]), match["message"])]
        # What somebody wrote down by hand says no queue: the default worker puts it aside.
        return [(Queue.DEFAULT.value, written)]

    def restore_unacked(self, client: Any = None) -> None:  # noqa: ARG002 - kombu's signature
        """All in hand goes back; what Redis does not take now, it is given on the next connection.

        kombu 5.7 gives up at the first that it does not take, and forgets the others.
        """
        self.channel.left_behind.give_back(self._delivered)
        self._delivered.clear()
        try:
            self.channel.catch_up()
        except (RedisError, OSError) as error:
            logger.warning("messages are given back on the next connection: %s", error)


@dataclass(frozen=True, slots=True)
class _Pushed:
    """Takes the place of kombu's pipeline, and tells what was pushed."""

    pairs: list[tuple[str, str | bytes]]

    def lpush(self, key: str, text: str) -> None:
        self.pairs.append((key, text))

    rpush = lpush
