"""Commands of a worker's thread that share round trips, with one connection a thread.

A round trip costs a worker more than what it asks for: waking up, and redis-py's care for each
call. What needs no answer waits for what does (`docs/decisions/0015`), or is told, and its reply
heard with the next one (`docs/decisions/0017`).
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from redis import Redis
from redis.connection import ConnectionInterface
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import NoScriptError, RedisError
from redis.exceptions import TimeoutError as RedisSilent

from shop.adapters.redis.scripts import Script

logger = logging.getLogger(__name__)

#: Safe because every write is a script that can be repeated, or a message that may come twice.
TRIES = 3
WAIT_FIRST_S = 0.05


@dataclass(frozen=True, slots=True)
class Command:
    """What is asked of the server, and in which of its databases if not in the store's."""

    words: Sequence[Any]
    db: int | None = None
    #: Told of a refusal, which then is nobody else's business.
    refused: Callable[[Exception], None] | None = None


@dataclass(slots=True)
class _Line:
    """A thread's connection, and what goes over it."""

    connection: ConnectionInterface
    waiting: list[Command] = field(default_factory=list)
    #: What the server was told, and whose replies have not been read.
    unheard: list[Command] = field(default_factory=list)
    #: Of those: which replies come, and whether each is one to a command. None: to be sent again.
    coming: list[bool] | None = None
    #: Hashes of scripts that the server knew on this connection.
    known: set[str] = field(default_factory=set)

    def cut(self) -> None:
        """Give up the connection; the next use makes it anew."""
        self.connection.disconnect()
        self.coming = None
        self.known.clear()


class RoundTrips:
    """Of one client; its database is the one in which commands are run unless they say so."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._threads = threading.local()

    def script(self, text: str) -> "Asking":
        """What runs a script and waits for its reply, for one that is known by its text."""
        return Asking(self, Script.of(text))

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is posted by this thread meanwhile waits for a round trip, maybe a later one.

        Whoever opens this sees to it that something is asked, or `flush` called, afterwards.
        """
        self._threads.is_together = True
        try:
            yield
        finally:
            self._threads.is_together = False

    @property
    def is_together(self) -> bool:
        return getattr(self._threads, "is_together", False)

    def post(self, command: Command) -> None:
        """Run `command` with the next round trip of this thread, before what that is made for.

        At once if not `together`. Raises then as `ask` does.
        """
        self._line.waiting.append(command)
        if not self.is_together:
            self.flush()

    def flush(self) -> None:
        """Run what was posted. Raises as `ask` does."""
        if self._line.waiting:
            self.ask()

    def ask(self, *commands: Command) -> list[Any]:
        """Run what was posted, then `commands`; returns the replies to these.

        Raises what redis-py does: for the first that was refused, when all have been run, or when
        the server is away. What was posted is forgotten then.
        """
        line = self._line
        posted, line.waiting = line.waiting, []
        together = [*posted, *commands]
        replies = self._run(line, together)
        for command, reply in zip(together, replies, strict=True):
            if isinstance(reply, Exception):
                if command.refused is None:
                    raise reply
                command.refused(reply)
        return replies[len(posted) :]

    def tell(self, *commands: Command) -> None:
        """Run what was posted, then `commands`, and hear of them with this thread's next trip.

        A refusal that no `refused` is told of is logged then. Raises as `ask` does, which this is
        as long as a script may be new to the server, or the server away.
        """
        line = self._line
        together = [*line.waiting, *commands]
        if line.unheard or not all(_is_known(command, line) for command in together):
            self.ask(*commands)
            return
        lines, coming = _written(together, self._home_db, _known)
        try:
            line.connection.send_packed_command(line.connection.pack_commands(lines))
        except (RedisGone, RedisSilent, OSError):
            line.cut()
            self.ask(*commands)
            return
        line.waiting, line.unheard, line.coming = [], together, coming

    def close(self) -> None:
        """Give up this thread's connection; others keep theirs as long as they live."""
        line: _Line | None = self._threads.__dict__.pop("line", None)
        if line is not None:
            line.connection.disconnect()

    @property
    def _line(self) -> _Line:
        try:
            line: _Line = self._threads.line
        except AttributeError:
            pool = self._client.connection_pool
            # Not one of the pool's, which counts what it makes, and would count this for good.
            connection = pool.connection_class(**pool.connection_kwargs)
            line = self._threads.line = _Line(connection)
        return line

    def _run(self, line: _Line, commands: list[Command]) -> list[Any]:
        told = len(line.unheard)
        everything = [*line.unheard, *commands]
        try:
            replies = self._travel(line, commands, _known)
        finally:
            line.unheard, line.coming = [], None
        unknown = [at for at, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:
            taught = self._travel(line, [everything[at] for at in unknown], _taught)
            for at, reply in zip(unknown, taught, strict=True):
                replies[at] = reply
        line.known.update(
            command.words[0].sha1 for command in commands if isinstance(command.words[0], Script)
        )
        for command, reply in zip(everything[:told], replies, strict=False):
            if isinstance(reply, Exception):
                (command.refused or _log_refusal)(reply)
        return replies[told:]

    def _travel(
        self,
        line: _Line,
        commands: list[Command],
        written: Callable[[Sequence[Any]], Sequence[Any]],
    ) -> list[Any]:
        """Replies to what is unheard, and to `commands`."""
        wait_s = WAIT_FIRST_S
        for tries_left in reversed(range(TRIES)):
            try:
                return _exchange(line, self._home_db, commands, written)
            except (RedisGone, RedisSilent, OSError):
                line.cut()
                if not tries_left:
                    raise
                time.sleep(wait_s)
                wait_s *= 2
            except BaseException:
                # Replies that nobody read, or another database: of no use to anybody.
                line.cut()
                raise
        raise AssertionError("unreachable")

    @property
    def _home_db(self) -> int:
        return int(self._client.connection_pool.connection_kwargs.get("db") or 0)


class Asking:
    """Called as redis-py's own scripts are."""

    def __init__(self, trips: RoundTrips, script: Script) -> None:
        self._trips = trips
        self._script = script

    def __call__(self, *, keys: Sequence[Any], args: Sequence[Any]) -> Any:
        return self._trips.ask(self.command(keys=keys, args=args))[0]

    def command(self, *, keys: Sequence[Any], args: Sequence[Any], **options: Any) -> Command:
        """The call as a command, to be posted or asked with others."""
        return Command((self._script, len(keys), *keys, *args), **options)


def _exchange(
    line: _Line,
    home_db: int,
    commands: list[Command],
    written: Callable[[Sequence[Any]], Sequence[Any]],
) -> list[Any]:
    told = line.coming
    # What was told over a connection that is gone is told once more.
    to_send = commands if told is not None else [*line.unheard, *commands]
    lines, coming = _written(to_send, home_db, written)
    connection = line.connection
    # A connection's own PING would take the next reply for its own.
    connection.send_packed_command(connection.pack_commands(lines), check_health=told is None)
    return _read(connection, [*(told or ()), *coming])


def _written(
    commands: list[Command], home_db: int, written: Callable[[Sequence[Any]], Sequence[Any]]
) -> tuple[list[Sequence[Any]], list[bool]]:
    """What is sent for `commands`, and for each line whether it is one of them."""
    lines: list[Sequence[Any]] = []
    coming: list[bool] = []
    db = home_db
    for command in commands:
        wanted = home_db if command.db is None else command.db
        if wanted != db:
            lines.append(("SELECT", wanted))
            coming.append(False)
            db = wanted
        lines.append(written(command.words))
        coming.append(True)
    if db != home_db:
        lines.append(("SELECT", home_db))
        coming.append(False)
    return lines, coming


def _read(connection: ConnectionInterface, coming: list[bool]) -> list[Any]:
    replies = []
    for is_wanted in coming:
        try:
            reply: Any = connection.read_response()
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


def _is_known(command: Command, line: _Line) -> bool:
    script = command.words[0]
    return not isinstance(script, Script) or script.sha1 in line.known


def _log_refusal(error: Exception) -> None:
    logger.error("Redis refused what a task left it: %s", error)


def _known(words: Sequence[Any]) -> Sequence[Any]:
    script = words[0]
    return ("EVALSHA", script.sha1, *words[1:]) if isinstance(script, Script) else words


def _taught(words: Sequence[Any]) -> Sequence[Any]:
    script = words[0]
    return ("EVAL", script.text, *words[1:]) if isinstance(script, Script) else words


def as_mapping(reply: Any) -> dict[str, str]:
    """What `HGETALL` replied, in either version of the protocol."""
    if isinstance(reply, dict):
        return reply
    return dict(zip(reply[::2], reply[1::2], strict=True))
