"""One connection to Redis, over which several commands go at once.

What redis-py has for that waits for each reply, looks the connection over before each use, and
makes it anew behind the caller's back, who then believes of the server what is no longer so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.connection import ConnectionInterface, ConnectionPool
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisSilent

from shop.adapters.redis.scripts import Script

#: What is raised when the server is away, or silent.
GONE = (RedisGone, RedisSilent, OSError)


@dataclass(frozen=True, slots=True)
class Command:
    """What is asked of the server, and in which of its databases if not in the store's."""

    words: Sequence[Any]
    db: int | None = None
    #: Told of a refusal, which then is nobody else's business.
    refused: Callable[[Exception], None] | None = None


class Line:
    """A connection of its own: not one of the pool's, which would count it for good."""

    def __init__(self, pool: ConnectionPool) -> None:
        options = {**pool.connection_kwargs, "health_check_interval": 0}
        self._connection: ConnectionInterface = pool.connection_class(**options)
        self._home_db = int(options.get("db") or 0)
        #: Hashes of scripts that the server knows, and will as long as this connection lasts.
        self._known: set[str] = set()

    def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Have `commands` run, and return the replies; refusals are among them.

        Raises one of `GONE`; then nobody knows what was run, and the line is to be cut.
        """
        replies = self._read(self._send(commands))
        self._learn(commands, replies)
        return replies

    def forget_scripts(self) -> None:
        """Somebody made the server forget one."""
        self._known.clear()

    def cut(self) -> None:
        """Give up the connection; the next use makes it anew."""
        self._connection.disconnect()
        self._known.clear()

    def _send(self, commands: Sequence[Command]) -> list[bool]:
        lines: list[Sequence[Any]] = []
        coming: list[bool] = []
        db = self._home_db
        for command in commands:
            wanted = self._home_db if command.db is None else command.db
            if wanted != db:
                lines.append(("SELECT", wanted))
                coming.append(False)
                db = wanted
            lines.append(self._written(command.words))
            coming.append(True)
        if db != self._home_db:
            lines.append(("SELECT", self._home_db))
            coming.append(False)
        self._connection.send_packed_command(self._connection.pack_commands(lines))
        return coming

    def _written(self, words: Sequence[Any]) -> Sequence[Any]:
        script = words[0]
        if not isinstance(script, Script):
            return words
        if script.sha1 in self._known:
            return ("EVALSHA", script.sha1, *words[1:])
        return ("EVAL", script.text, *words[1:])

    def _learn(self, commands: Sequence[Command], replies: Sequence[Any]) -> None:
        for command, reply in zip(commands, replies, strict=True):
            if isinstance(command.words[0], Script) and not isinstance(reply, Exception):
                self._known.add(command.words[0].sha1)

    def _read(self, coming: Sequence[bool]) -> list[Any]:
        replies: list[Any] = []
        for is_wanted in coming:
            try:
                reply: Any = self._connection.read_response()
            except (RedisGone, RedisSilent):
                raise
            except RedisError as error:
                if not is_wanted:
                    # In the wrong database, whatever came after it.
                    raise
                reply = error
            if is_wanted:
                replies.append(reply)
        return replies
