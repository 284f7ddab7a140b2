"""How a worker takes messages from Redis: without a moment in which a message is nobody's.

kombu takes a message with BRPOP, and writes it down as unacknowledged afterwards: what dies in
between is gone. Each of both, and each acknowledgement, is a round trip for which the worker's
event loop stands still. Here a script does all of it for several messages at once, and its reply
is awaited in the event loop (`docs/decisions/0015`). What is written down is what kombu writes,
where it does.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import uuid4

from kombu.transport import redis, virtual
from redis.exceptions import NoScriptError, RedisError

from shop.adapters.celery.head import PuttingChannel
from shop.adapters.celery.left_behind import left_behind_at
from shop.adapters.celery.qos import QoS
from shop.adapters.celery.unreadable import ReadingChannel, read
from shop.adapters.redis.scripts import Script, source
from shop.adapters.redis.trips import Command, RoundTrips

logger = logging.getLogger(__name__)


class Poller(redis.MultiChannelPoller):
    """Tells Redis at each turn of the event loop what was acknowledged, if nobody else does."""

    def on_poll_start(self) -> None:
        super().on_poll_start()  # type: ignore[no-untyped-call]
        for channel in self._channels:
            channel.acknowledge()


class Channel(ReadingChannel, PuttingChannel):
    """Takes messages by a script while there are some, and waits for the next when there are none.

    Waiting is a BLMOVE that moves the next message to where it is: it takes nothing. It is for one
    list, so that messages with a numeric priority, which kombu keeps in lists of their own, may
    wait for `brpop_timeout` in an idle worker. Where there are several queues, or one whose
    messages are not acknowledged, kombu does it its way: what is written down there would stay.
    """

    QoS = QoS
    #: kombu's: the connection whose reply is awaited, and since when.
    _in_poll: Any
    _brpop_sent_at: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        #: Tags of messages that were written down when they were taken.
        self.taken: set[str] = set()
        #: Tags that Redis has not heard of yet; threads of a pool add to them at any time.
        self._done: deque[str] = deque()
        #: Queues whose messages nobody acknowledges, such as those of replies to `inspect`.
        self._never_acknowledged: set[str] = set()
        self._taking: _Taking | None = None
        self._read: Callable[..., Any] = super()._brpop_read
        self._may_be_more = True
        self._is_taught = False
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.left_behind = left_behind_at(self.connection.client.as_uri())

    def basic_consume(self, queue: str, no_ack: bool, *args: Any, **kwargs: Any) -> Any:
        if no_ack:
            self._never_acknowledged.add(queue)
        else:
            self._never_acknowledged.discard(queue)
        return super().basic_consume(queue, no_ack, *args, **kwargs)  # type: ignore[no-untyped-call]

    def acknowledge_later(self, delivery_tag: str) -> bool:
        """Whether this can wait for the event loop, which asks for `acknowledge`."""
        loop = getattr(self.connection, "loop", None)
        if loop is None:
            return False
        self._done.append(delivery_tag)
        return True

    def wake(self) -> None:
        """Let the event loop come round, if this is another thread; it does so each second."""
        loop = getattr(self.connection, "loop", None)
        if loop is not None and loop._loop_thread != threading.get_ident():  # noqa: SLF001
            loop.call_soon(_wake)

    def acknowledge(self) -> None:
        """Tell Redis what was acknowledged, unless the next taking will; raises its errors.

        What a lost connection left behind later than this one was made is told as well.
        """
        if self.left_behind:
            self.catch_up()
        elif self._taking is None and not self._is_waiting:
            self._tell_done()

    def _tell_done(self) -> None:
        if not self._done:
            return
        done = self._taken_from_done()
        try:
            self._trips.ask(
                Command(("ZREM", self.unacked_index_key, *done)),
                Command(("HDEL", self.unacked_key, *done)),
            )
        except BaseException:
            # What was not heard is said on the next connection.
            self._done.extendleft(reversed(done))
            raise

    @property
    def _is_waiting(self) -> bool:
        """For a message, or `brpop_timeout` at most: then it takes."""
        # Not while kombu leaves its reply unread, for want of room.
        return bool(self._in_poll) and self._read == self._read_woken and self.qos.can_consume()

    def close(self) -> None:
        """What was acknowledged is said, and what may have been taken unseen goes back."""
        if self._read == self._read_woken:
            # Nothing comes of waiting: kombu would do it to the end.
            self._in_poll = None
        try:
            super().close()  # type: ignore[no-untyped-call]
        except (RedisError, OSError) as error:
            # kombu 5.7 stops halfway, with sockets open and messages in hand.
            logger.warning("the channel was closed without Redis: %s", error)
            self.connection.cycle.discard(self)
            self._disconnect_pools()
            self._close_clients()  # type: ignore[no-untyped-call]
            virtual.Channel.close(self)
        finally:
            # Messages were given back over connections that nobody else closes.
            self._disconnect_pools()

    def _after_fork(self) -> None:
        # What the process that forked this one has in hand, it still has.
        self._done, self._taking = deque(), None
        self.__dict__.pop("_trips", None)
        super()._after_fork()  # type: ignore[no-untyped-call]

    def _disconnect_pools(self) -> None:
        if self._done or self._taking is not None:
            try:
                self._hand_back()
                self._tell_done()
            except (RedisError, OSError) as error:
                logger.warning("acknowledgements are said on the next connection: %s", error)
                self.left_behind.acknowledge(self._taken_from_done())
        if (trips := self.__dict__.pop("_trips", None)) is not None:
            trips.close()
        super()._disconnect_pools()  # type: ignore[no-untyped-call]

    @cached_property
    def _trips(self) -> RoundTrips:
        return RoundTrips(self._create_client())  # type: ignore[no-untyped-call]

    def give_back(self, *, keys: Sequence[Any], args: Sequence[Any]) -> None:
        """Run `give_back_message.lua`."""
        self._trips.script(source("give_back_message"))(keys=keys, args=args)

    def _brpop_start(self, timeout: float | None = None) -> None:
        if len(self.active_queues) != 1 or self._never_acknowledged.intersection(
            self.active_queues
        ):
            self._read = super()._brpop_read
            super()._brpop_start(timeout)  # type: ignore[no-untyped-call]
            return
        (queue,) = self.active_queues
        words: Sequence[Any]
        if self._may_be_more:
            self._read, words = self._read_taken, self._take(queue)
        else:
            timeout_s = self.brpop_timeout if timeout is None else timeout
            self._read = self._read_woken
            words = "BLMOVE", queue, queue, "RIGHT", "RIGHT", timeout_s
        connection = self.client.connection
        self._in_poll, self._brpop_sent_at = connection, time.monotonic()
        connection.send_command(*words)

    def _take(self, queue: str) -> Sequence[Any]:
        done = self._taken_from_done()
        self._taking = taking = _Taking(queue, f"{uuid4()}-", self.qos.room(), done)
        lists = [self._q_for_pri(queue, step) for step in self.priority_steps]  # type: ignore[no-untyped-call]
        keys = self.unacked_key, self.unacked_index_key, *lists
        script = ("EVALSHA", _TAKE.sha1) if self._is_taught else ("EVAL", _TAKE.text)
        return *script, len(keys), *keys, taking.room, queue, taking.tags_begin, *done

    def _taken_from_done(self) -> list[str]:
        done = []
        while self._done:
            done.append(self._done.popleft())
        return done

    def _brpop_read(self, **options: Any) -> Any:
        return self._read(**options)

    def _read_woken(self, **_: Any) -> bool:
        self._read_reply()
        # Also when nothing came: the other lists are looked into, too.
        self._may_be_more = True
        # Nothing was taken yet: who drains without an event loop waits on.
        raise redis.Empty

    def _read_taken(self, **_: Any) -> bool:
        taking = self._taking
        assert taking is not None  # noqa: S101  (it is what is read here)
        try:
            messages = self._read_reply()
        except NoScriptError:
            # Somebody made the server forget it: nothing was done.
            self._taking, self._is_taught = None, False
            self._done += taking.done
            raise redis.Empty from None
        self._is_taught = True
        self._may_be_more = len(messages) == taking.room
        if self._closing:
            # They go back with what is in hand.
            return True
        if taking.queue not in self.active_queues:
            self._hand_back()
            return True
        self._taking = None
        if not messages:
            raise redis.Empty
        tags = deque(taking.tags(len(messages)))
        try:
            for message in messages:
                self._deliver(tags.popleft(), message, taking.queue)
        finally:
            # One that nobody can read must not keep those that came with it.
            if tags:
                self.left_behind.give_back(tags)
                self.catch_up()
        return True

    def _deliver(self, tag: str, message: bytes, queue: str) -> None:
        self.taken.add(tag)
        self.connection._deliver(read(message, queue, tag), queue)  # noqa: SLF001 - as kombu does

    def _read_reply(self) -> Any:
        connection = self.client.connection
        try:
            return connection.read_response()
        except self.connection_errors:
            connection.disconnect()
            raise
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()  # type: ignore[no-untyped-call]

    def _hand_back(self) -> None:
        """Put what was taken, or may have been, where it was."""
        if (taking := self._taking) is not None:
            self._taking = None
            self._done += taking.done
            self.left_behind.give_back(taking.tags(taking.room))
            self.catch_up()

    def catch_up(self) -> None:
        """Say what earlier channels of this process were not heard to say; raises Redis' errors."""
        left = self.left_behind
        while (tag := left.last_unacknowledged()) is not None:
            try:
                self.qos.restore_by_tag(tag)
            except BaseException:
                left.give_back([tag])
                raise
        self._done += left.acknowledged()
        self._tell_done()


@dataclass(frozen=True, slots=True)
class _Taking:
    """What the server was asked for, and has not been heard to do."""

    queue: str
    tags_begin: str
    room: int
    #: What is acknowledged with it.
    done: list[str]

    def tags(self, messages: int) -> list[str]:
        """Of the first so many that come."""
        return [f"{self.tags_begin}{number}" for number in range(1, messages + 1)]


_TAKE = Script.named("take_messages")


def _wake() -> None:
    """What the event loop is given to look at what was acknowledged."""
