"""Connections of kombu's and Celery's to which a refusal of Redis' is the loss of the connection.

Both are prepared for a broker that is away: they connect anew, later and later, for as long as it
takes. An error that a full, busy or read-only server answers with is to them an error of the
program: kombu 5.7 takes a mutex with SET at each connection, and a worker ended at that with
"Unrecoverable error: OutOfMemoryError". And a connection that leads to a server which became a
replica leads there for ever, unless it is given up.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from redis import Connection, SSLConnection
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import ResponseError

from shop.adapters.redis.refusals import is_refusal

if TYPE_CHECKING:
    _Base = Connection
else:
    _Base = object


class ReconnectOnRefusal(_Base):
    """What a connection class of redis-py's is mixed with."""

    _is_greeting = False

    def on_connect_check_health(self, check_health: bool = True) -> None:
        # redis-py lets some of what it says at first be refused, such as its own name.
        self._is_greeting = True
        try:
            super().on_connect_check_health(check_health)
        except ResponseError as error:
            self._give_up_if_refused(error)
            raise
        finally:
            self._is_greeting = False

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().read_response(*args, **kwargs)
        except ResponseError as error:
            if not self._is_greeting:
                self._give_up_if_refused(error)
            raise

    def _give_up_if_refused(self, error: ResponseError) -> None:
        if is_refusal(error):
            # Replies to what was sent with it may follow, and belong to nobody any more.
            self.disconnect()  # type: ignore[no-untyped-call]
            code = f"{error.status_code} " if error.status_code else ""
            raise RedisGone(f"Redis refuses for now: {code}{error}") from None


class RefusalConnection(ReconnectOnRefusal, Connection):
    """Over TCP."""


class RefusalSSLConnection(ReconnectOnRefusal, SSLConnection):
    """Over TLS."""


@cache
def reconnecting(connection_class: type) -> type:
    """`connection_class`, or what it becomes when it is mixed with `ReconnectOnRefusal`."""
    if issubclass(connection_class, ReconnectOnRefusal):
        return connection_class
    known: dict[type, type] = {Connection: RefusalConnection, SSLConnection: RefusalSSLConnection}
    made: type = known.get(connection_class) or type(
        f"Refusal{connection_class.__name__}", (ReconnectOnRefusal, connection_class), {}
    )
    return made
