"""Watches stock and invoices through Redis' keyspace notifications, also across its restarts."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from threading import Event as Flag
from threading import Thread
from types import TracebackType
from typing import Any, Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import Connection, parse_url
from redis.exceptions import RedisError
from redis.retry import Retry

from shop.adapters.redis import keys
from testing.history import Effect, Observer, Recorder, now_ms
from testing.waiting import wait_for

#: Events by key name, of commands on strings (stock, an order's status, invoices) and on hashes:
#: a status that is set when an order is recorded follows the order's hash.
WANTED_FLAGS = "E$h"
#: A connection that has not answered for so long is given up, and what happened meanwhile
#: counts as not seen. A frozen server does nothing: longer than the freezes of a run.
SILENCE_S = 15.0
PING_EVERY_S = 0.25
#: What the server calls all of INCR, DECR, INCRBY and DECRBY.
COUNTED = "incrby"
RECONNECT_EVERY_S = 0.02
START_WITHIN_S = 10.0

_STATUS_SUFFIX = keys.order_status("").removeprefix(keys.order(""))


@dataclass(frozen=True, slots=True)
class _Notice:
    """What the server says of one write."""

    command: str
    key: str


class RedisEffects:
    """A context manager that records effects into `history` while it is entered.

    Which order took stock is told by the order of the notices: `settle_order.lua` lowers the
    stock and at once sets the order's status, and nothing comes between in a script. Stock
    that is counted in any other way, up or down, is recorded with no order; stock that is set
    is not recorded.
    """

    def __init__(self, dsn: str, history: Recorder) -> None:
        """`dsn` is the data store's own, not that of a proxy which is part of the run."""
        self._dsn = dsn
        self._history = history
        #: The SKU whose stock has just fallen, and when.
        self._fallen: tuple[str, int] | None = None
        #: Until when everything was seen, while there is no connection.
        self._blind_since_ms: int | None = None
        self._is_watching = Flag()
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name="redis-effects", daemon=True)

    def start(self) -> None:
        """Returns once it sees everything."""
        self._thread.start()
        try:
            wait_for("notices from Redis", self._is_watching.is_set, within_s=START_WITHIN_S)
        except BaseException:
            self._stopping.set()
            raise

    def stop(self) -> None:
        """Returns once everything is recorded that the server had done before."""
        self._stopping.set()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                eye = _Eye(self._dsn)
            except (RedisError, OSError):
                self._stopping.wait(RECONNECT_EVERY_S)
                continue
            self._see_again()
            try:
                self._watch(eye)
            except (RedisError, OSError):
                self._lose_sight(eye)
            finally:
                eye.close()
        if self._blind_since_ms is not None:
            self._history.blind(Observer.STORE, self._blind_since_ms, now_ms())

    def _see_again(self) -> None:
        if self._blind_since_ms is not None:
            self._history.blind(Observer.STORE, self._blind_since_ms, now_ms())
            self._blind_since_ms = None
        self._history.watching(Observer.STORE)
        self._is_watching.set()

    def _lose_sight(self, eye: "_Eye") -> None:
        # Whose stock it was that fell last would have been in the next notice.
        since_ms = eye.heard_at_ms if self._fallen is None else self._fallen[1]
        self._blind_since_ms, self._fallen = since_ms, None

    def _watch(self, eye: "_Eye") -> None:
        while not self._stopping.is_set():
            self._look(eye, eye.next())
        # A ping is answered after everything that was written before it.
        eye.ping()
        while eye.unanswered_pings:
            self._look(eye, eye.next())

    def _look(self, eye: "_Eye", notice: _Notice | None) -> None:
        """Record what `notice` means; None: for now nothing follows what was seen last."""
        fallen, self._fallen = self._fallen, None
        order_id = _order_of_status(notice)
        if fallen is not None:
            sku, _ = fallen
            self._history.effect(Effect.STOCK_TAKEN, order_id or "", sku=sku)
        if notice is None:
            return
        if notice.key.startswith(keys.STOCK_PREFIX) and notice.command == COUNTED:
            self._fallen = notice.key.removeprefix(keys.STOCK_PREFIX), now_ms()
        elif notice.key.startswith(keys.invoice("")):
            order_id = notice.key.removeprefix(keys.invoice(""))
            self._history.effect(Effect.INVOICE_STORED, order_id, sha256=eye.digest(notice.key))


class _Eye:
    """One connection that hears of writes, and one to look at what was written."""

    def __init__(self, dsn: str) -> None:
        """Raises `RedisError` or `OSError`, as all of its methods."""
        # Nothing here may reconnect by itself: what is missed meanwhile would never be known.
        once: dict[str, Any] = {"retry": Retry(NoBackoff(), 0), "health_check_interval": 0}
        timeouts: dict[str, Any] = {
            "socket_timeout": SILENCE_S,
            "socket_connect_timeout": SILENCE_S,
        }
        self._client = Redis.from_url(dsn, **once, **timeouts)
        address = parse_url(dsn)
        self._ears = Connection(**address, **once, **timeouts, protocol=2)
        try:
            self._listen(f"__keyevent@{address.get('db', 0)}__:")
        except BaseException:
            self.close()
            raise

    def _listen(self, channel_prefix: str) -> None:
        # While it still replays its append-only file a server publishes what it replays, and
        # refuses this.
        self._client.ping()
        # After a restart the server has forgotten what was set.
        setting = "notify-keyspace-events"
        flags = self._client.config_get(setting)[setting] or ""
        # `A` stands for all sorts of commands.
        missing = set(WANTED_FLAGS) - set(flags.replace("A", WANTED_FLAGS))
        self._client.config_set(setting, flags + "".join(sorted(missing)))
        self._channel_prefix = channel_prefix.encode()
        self._ears.connect()
        self._ears.send_command("PSUBSCRIBE", f"{channel_prefix}*")
        self._ears.read_response()
        self.heard_at_ms = now_ms()
        self.unanswered_pings = 0

    def next(self) -> _Notice | None:
        """The next notice; None when a ping is answered first: nothing had been written."""
        while True:
            if self._ears.can_read(PING_EVERY_S):
                reply: Any = self._ears.read_response()
                self.heard_at_ms = now_ms()
                if reply[0] == b"pong":
                    self.unanswered_pings -= 1
                    return None
                channel, key = reply[2], reply[3]
                return _Notice(
                    channel.removeprefix(self._channel_prefix).decode(),
                    key.decode(errors="replace"),
                )
            if now_ms() - self.heard_at_ms >= SILENCE_S * 1000:
                raise TimeoutError("Redis does not answer")
            self.ping()

    def ping(self) -> None:
        self.unanswered_pings += 1
        self._ears.send_command("PING", check_health=False)

    def digest(self, key: str) -> str | None:
        """Of the bytes at `key`; None if they are gone."""
        content: Any = self._client.get(key)
        return None if content is None else hashlib.sha256(content).hexdigest()

    def close(self) -> None:
        with suppress(RedisError, OSError):
            self._ears.disconnect()
        self._client.close()


def _order_of_status(notice: _Notice | None) -> str | None:
    """The order whose status was set."""
    if notice is None or notice.command != "set" or not notice.key.endswith(_STATUS_SUFFIX):
        return None
    return notice.key.removeprefix(keys.order("")).removesuffix(_STATUS_SUFFIX)
