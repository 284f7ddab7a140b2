"""Commands of concurrent requests, sent together.

A round trip of its own costs an API process some 120 microseconds for each command, most of it in
the client; in a pipeline it is a tenth of that (`docs/decisions/0010`).
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio
from redis.exceptions import NoScriptError

from shop.adapters.redis.client import API_DEADLINE_S, store_deadline
from shop.adapters.redis.scripts import Script
from shop.domain.errors import StoreUnavailable

#: Commands that are sent together at most: what comes after them waits for their replies.
BATCH = 128


@dataclass(slots=True)
class _Command:
    words: Sequence[Any]
    options: dict[str, Any]
    reply: "asyncio.Future[Any]"


class AutoPipeline:
    """Runs commands; those that come while a round trip is under way go with the next one.

    No transaction: each command stands for itself, and one that fails fails alone. Where the
    connection fails, or no reply comes within `within_s`, all of the round trip fail, and whether
    they took effect is open; what waited meanwhile fails with them. So nobody has to bound a
    command in time: it takes `within_s`, or twice that with a server which only just answers.
    """

    def __init__(self, client: "redis.asyncio.Redis", *, within_s: float = API_DEADLINE_S) -> None:
        self._client = client
        self._within_s = within_s
        self._waiting: list[_Command] = []
        self._sender: asyncio.Task[None] | None = None

    async def run(self, *words: Any, **options: Any) -> Any:
        """The reply to one command; `options` are redis-py's, such as `NEVER_DECODE`.

        Raises `StoreUnavailable`; for a command that was refused what redis-py makes of it.
        """
        return await self.ask(*words, **options)

    async def run_all(self, *commands: Sequence[Any]) -> list[Any]:
        """The replies to several commands of one request, which are sent together.

        Raises as `run` does, for the first of them that fails.
        """
        return await all_of(*[self.ask(*words) for words in commands])

    async def run_script(self, script: Script, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """The reply of `script`, which the server is taught when it does not know it."""
        rest = (len(keys), *keys, *args)
        try:
            return await self.run("EVALSHA", script.sha1, *rest)
        except NoScriptError:
            return await self.run("EVAL", script.text, *rest)

    def ask(self, *words: Any, **options: Any) -> "asyncio.Future[Any]":
        """What `run` awaits, for a request that asks several servers at once: see `all_of`."""
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Command(words, options, reply))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())
        return reply

    async def close(self) -> None:
        """Give up what is under way; the client stays open."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.wait([self._sender])
        waiting, self._waiting, self._sender = self._waiting, [], None
        _give_up(waiting)

    async def _send(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                # Whoever is gone meanwhile has given up: it is not begun any more.
                batch = [command for command in batch if not command.reply.done()]
                if batch:
                    await self._round_trip(batch)
        finally:
            self._sender = None

    async def _round_trip(self, batch: list[_Command]) -> None:
        try:
            async with (
                store_deadline(self._within_s),
                self._client.pipeline(transaction=False) as pipe,
            ):
                for command in batch:
                    pipe.execute_command(*command.words, **command.options)
                replies = await pipe.execute(raise_on_error=False)
            for command, reply in zip(batch, replies, strict=True):
                _settle(command.reply, reply)
        except StoreUnavailable as error:
            waited, self._waiting = self._waiting, []
            _give_up(batch + waited, str(error))
        finally:
            # None is left, unless this is being ended or something unforeseen was raised.
            _give_up(batch)


async def all_of(*replies: "asyncio.Future[Any]") -> list[Any]:
    """The replies that were asked for; raises as `run` does, for the first that fails."""
    try:
        return [await reply for reply in replies]
    finally:
        for reply in replies:
            # After an error or a cancellation nobody asks for the others' outcome.
            if not reply.cancel() and not reply.cancelled():
                reply.exception()


def _give_up(commands: Iterable[_Command], why: str = "the client is being closed") -> None:
    for command in commands:
        # To each an error of its own: they are raised in different tasks.
        _settle(command.reply, StoreUnavailable(why))


def _settle(future: "asyncio.Future[Any]", reply: Any) -> None:
    if future.done():
        return
    if isinstance(reply, Exception):
        future.set_exception(reply)
    else:
        future.set_result(reply)
