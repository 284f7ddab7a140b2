"""A TCP proxy that cuts, slows and holds back what goes through it."""

import asyncio
import socket
import struct
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from testing.stacks.ports import HOST, stable_port

T = TypeVar("T")

CHUNK_BYTES = 64 * 1024
#: Closing a socket with this resets the connection: what was on its way is gone.
RESET = struct.pack("ii", 1, 0)
CONTROL_WITHIN_S = 10.0


class TcpProxy:
    """A context manager; safe to steer from any thread while it is entered."""

    def __init__(self, upstream_port: int, *, upstream_host: str = HOST) -> None:
        self.port = stable_port()
        self._upstream = upstream_host, upstream_port
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        #: Of every connection, this end and the other.
        self._writers: dict[asyncio.StreamWriter, asyncio.StreamWriter] = {}
        self._pumps: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._delay_s = 0.0
        self._refusing = False

    @property
    def connections(self) -> int:
        return len(self._writers)

    def cut(self, *, only: float | None = None) -> int:
        """Reset every connection, or only one; returns how many were reset.

        `only` says which, from 0 for the oldest to 1, which is not included, for the newest.
        """
        return self._run(self._cut(only))

    def switch_to(self, upstream_port: int) -> None:
        """Lead new connections to another server; those that are open stay where they are."""
        self._upstream = self._upstream[0], upstream_port

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Whoever connects is reset at once."""
        self._refusing = True
        try:
            yield
        finally:
            self._refusing = False

    @contextmanager
    def slowing(self, delay_s: float) -> Iterator[None]:
        """Everything that is sent, either way, arrives so much later."""
        self._delay_s, earlier = delay_s, self._delay_s
        try:
            yield
        finally:
            self._delay_s = earlier

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Connections stay open, and nothing gets through; what `cut` finds held is lost."""
        self._run(self._set_flowing(False))
        try:
            yield
        finally:
            self._run(self._set_flowing(True))

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._run(self._start())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._run(self._stop())
        self._end()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CONTROL_WITHIN_S)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self.port, backlog=512)

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._cut()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _set_flowing(self, flowing: bool) -> None:
        if flowing:
            self._flowing.set()
        else:
            self._flowing.clear()

    async def _cut(self, only: float | None = None) -> int:
        cut = list(self._writers.items())
        if only is not None:
            first = int(only * len(cut))
            cut = cut[first : first + 1]
        for here, there in cut:
            _reset(here)
            _reset(there)
        return len(cut)

    def _is_refusing(self) -> bool:
        return self._refusing

    async def _accept(self, reader: asyncio.StreamReader, here: asyncio.StreamWriter) -> None:
        if self._is_refusing():
            _reset(here)
            return
        try:
            upstream, there = await asyncio.open_connection(*self._upstream)
        except OSError:
            _reset(here)
            return
        if self._is_refusing():
            # Cut while the way on was being opened.
            _reset(here)
            _reset(there)
            return
        self._writers[here] = there
        ways = (self._pump(reader, there), self._pump(upstream, here))
        pumps = [self._loop.create_task(way) for way in ways]
        self._pumps.update(pumps)
        # When one end hangs up, what the other still says goes nowhere.
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            self._pumps.difference_update(pumps)
            del self._writers[here]
            here.close()
            there.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
