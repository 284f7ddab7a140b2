"""Commands of a worker's thread that share round trips, with one connection a thread.

A round trip costs a worker more than what it asks for: waking up, and redis-py's care for each
call. What needs no answer waits for what does (`docs/decisions/0015`).
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError

from shop.adapters.redis.line import GONE, Command, Line
from shop.adapters.redis.scripts import Script

#: Safe because every write is a script that can be repeated, or a message that may come twice.
TRIES = 3
WAIT_FIRST_S = 0.05
__all__ = ("Asking", "Command", "RoundTrips", "as_mapping")


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
        self._waiting.append(command)
        if not self.is_together:
            self.flush()

    def flush(self) -> None:
        """Run what was posted. Raises as `ask` does."""
        if self._waiting:
            self.ask()

    def ask(self, *commands: Command) -> list[Any]:
        """Run what was posted, then `commands`; returns the replies to these.

        Raises what redis-py does: for the first that was refused, when all have been run, or when
        the server is away. What was posted is forgotten then.
        """
        posted, self._threads.waiting = self._waiting, []
        together = [*posted, *commands]
        replies = self._run(together)
        for command, reply in zip(together, replies, strict=True):
            if isinstance(reply, Exception):
                if command.refused is None:
                    raise reply
                command.refused(reply)
        return replies[len(posted) :]

    def close(self) -> None:
        """Give up this thread's connection; others keep theirs as long as they live."""
        line: Line | None = self._threads.__dict__.pop("line", None)
        if line is not None:
            line.cut()

    @property
    def _waiting(self) -> list[Command]:
        try:
            waiting: list[Command] = self._threads.waiting
        except AttributeError:
            waiting = self._threads.waiting = []
        return waiting

    @property
    def _line(self) -> Line:
        try:
            line: Line = self._threads.line
        except AttributeError:
            line = self._threads.line = Line(self._client.connection_pool)
        return line

    def _run(self, commands: list[Command]) -> list[Any]:
        replies = self._travel(commands)
        unknown = [at for at, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:
            self._line.forget_scripts()
            taught = self._travel([commands[at] for at in unknown])
            for at, reply in zip(unknown, taught, strict=True):
                replies[at] = reply
        return replies

    def _travel(self, commands: list[Command]) -> list[Any]:
        line, wait_s = self._line, WAIT_FIRST_S
        for tries_left in reversed(range(TRIES)):
            try:
                return line.exchange(commands)
            except GONE:
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


def as_mapping(reply: Any) -> dict[str, str]:
    """What `HGETALL` replied, in either version of the protocol."""
    if isinstance(reply, dict):
        return reply
    return dict(zip(reply[::2], reply[1::2], strict=True))
