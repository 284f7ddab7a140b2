"""A proxy that speaks Redis' protocol: it knows each round trip, and can spoil any of them."""

import asyncio
from collections import Counter, deque
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from testing.faults import resp
from testing.faults.refusals import Kind, TripFault
from testing.faults.trips import NAMELESS, Point, Selector, Trip, command_of
from testing.stacks.ports import HOST, stable_port

T = TypeVar("T")

CHUNK_BYTES = 64 * 1024
CONTROL_WITHIN_S = 10.0
#: Of trips, for whoever wants to know what came last.
REMEMBERED = 10_000
_EXECABORT = "EXECABORT Transaction discarded because of previous errors."
_SUBSCRIBES = frozenset({b"SUBSCRIBE", b"PSUBSCRIBE", b"SSUBSCRIBE"})


@dataclass
class Injection:
    """A fault that waits for its trips, or has met them."""

    fault: TripFault
    select: Selector
    #: How many trips it meets; None is all of them.
    times: int | None
    healed: asyncio.Event
    hits: list[Trip] = field(default_factory=list)

    def meets(self, trip: Trip, words: Sequence[bytes]) -> bool:
        if self.healed.is_set() or (self.times is not None and len(self.hits) >= self.times):
            return False
        if not self.fault.applies_to(words) or not self.select(trip):
            return False
        self.hits.append(trip)
        return True


class RespProxy:
    """A context manager; safe to steer from any thread while it is entered."""

    def __init__(self, upstream_port: int, *, upstream_host: str = HOST) -> None:
        self.port = stable_port()
        self.upstream = upstream_host, upstream_port
        self.trips: deque[Trip] = deque(maxlen=REMEMBERED)
        #: How often each point was passed.
        self.points: Counter[Point] = Counter()
        self._loop = _event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="resp-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._links: dict[asyncio.Task[Any], _Link] = {}
        self._injections: list[Injection] = []
        self._count = 0
        #: The number of the newest connection.
        self.newest = 0

    @property
    def names(self) -> list[str]:
        """Of the connections that are open."""
        return sorted(link.name for link in list(self._links.values()))

    def forget(self) -> None:
        """Count from the beginning."""
        self._run(self._forget())

    @contextmanager
    def injecting(
        self, fault: TripFault, select: Selector = lambda _: True, *, times: int | None = None
    ) -> Iterator[Injection]:
        """`fault` befalls the trips that `select` chooses; what is held meanwhile goes on after."""
        injection = Injection(fault, select, times, asyncio.Event())
        self._injections.append(injection)
        try:
            yield injection
        finally:
            self._injections.remove(injection)
            self._run(self._heal(injection))

    def cut(self, name: str | None = None) -> int:
        """Close every connection, or those of one name; returns how many were closed."""
        return self._run(self._cut(name))

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

    def befalls(self, link: "_Link", words: Sequence[bytes]) -> Injection | None:
        """Note that `words` are on their way, and say what is to become of them."""
        if words[:1] and words[0].upper() == b"CLIENT" and words[1].upper() == b"SETNAME":
            link.name = words[2].decode(errors="replace")
        point = Point(link.name, command_of(words))
        self._count += 1
        self.points[point] += 1
        trip = Trip(point, self._count, self.points[point], link.number)
        self.trips.append(trip)
        for injection in self._injections:
            if injection.meets(trip, words):
                return injection
        return None

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
        await self._cut(None)

    async def _forget(self) -> None:
        self.trips.clear()
        self.points.clear()
        self._count = 0

    async def _heal(self, injection: Injection) -> None:
        injection.healed.set()

    async def _cut(self, name: str | None) -> int:
        cut = [task for task, link in self._links.items() if name in (None, link.name)]
        for task in cut:
            task.cancel()
        await asyncio.gather(*cut, return_exceptions=True)
        return len(cut)

    async def _accept(self, reader: asyncio.StreamReader, here: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        there = None
        try:
            upstream, there = await asyncio.open_connection(*self.upstream)
            self.newest += 1
            link = self._links[task] = _Link(self, reader, here, upstream, there)
            await link.run()
        except (OSError, resp.NotResp, asyncio.CancelledError):
            # Cancelled by `cut` alone: nobody awaits a connection.
            pass
        finally:
            self._links.pop(task, None)
            for writer in filter(None, (here, there)):
                with suppress(OSError):
                    writer.close()


@dataclass(slots=True)
class _Reply:
    """What is to come next on a connection."""

    #: Instead of the server's, which is read and thrown away if it `is_coming`.
    text: str | None = None
    is_coming: bool = True
    closes: bool = False
    #: Until when it is held.
    held_by: asyncio.Event | None = None


class _Link:
    """One connection, from its client to the server."""

    def __init__(
        self,
        proxy: RespProxy,
        reader: asyncio.StreamReader,
        here: asyncio.StreamWriter,
        upstream: asyncio.StreamReader,
        there: asyncio.StreamWriter,
    ) -> None:
        self.name = NAMELESS
        self.number = proxy.newest
        self._proxy = proxy
        self._reader, self._here = reader, here
        self._upstream, self._there = upstream, there
        self._due: deque[_Reply] = deque()
        #: What comes is not asked for, one by one.
        self._is_subscribed = False
        self._is_in_multi = False
        self._is_dirty = False
        #: What a whole transaction is answered with whose beginning was refused.
        self._refused_with: str | None = None
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Until either end hangs up, or a fault does."""
        ways = [asyncio.create_task(way) for way in (self._ask(), self._answer())]
        ways.append(asyncio.create_task(self._until_over()))
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _until_over(self) -> None:
        await self._over.wait()
        with suppress(OSError):
            await self._here.drain()

    async def _ask(self) -> None:
        buffer = bytearray()
        while data := await self._reader.read(CHUNK_BYTES):
            buffer += data
            at = 0
            while at < len(buffer) and (found := resp.read_request(buffer, at)):
                words, end = found
                if not self._pass_on(words, bytes(buffer[at:end])):
                    # What comes after it goes nowhere; what was asked before is answered.
                    await self._over.wait()
                    return
                at = end
            del buffer[:at]
            await self._there.drain()

    def _pass_on(self, words: Sequence[bytes], raw: bytes) -> bool:
        """Whether anything may come after it."""
        injection = self._proxy.befalls(self, words)
        kind = None if injection is None else injection.fault.kind
        name = words[0].upper() if words else b""
        if self._refused_with is not None:
            self._expect(_Reply(text=self._refused_with, is_coming=False))
            if name in (b"EXEC", b"DISCARD"):
                self._refused_with = None
            return True
        if injection is not None and kind is Kind.REFUSE:
            self._refuse(name, injection.fault.reply_to(words), closes=injection.fault.closes)
            return not injection.fault.closes
        if kind is Kind.CLOSE_BEFORE:
            self._expect(_Reply(text="", is_coming=False, closes=True))
            return False
        reply = _Reply()
        if injection is not None and kind is Kind.HOLD:
            reply.held_by = injection.healed
        elif kind is Kind.CLOSE_BEFORE_REPLY:
            reply = _Reply(text="", closes=True)
        if name == b"EXEC" and self._is_dirty:
            raw, reply.text = resp.written("DISCARD"), _EXECABORT
        if name in (b"MULTI", b"EXEC", b"DISCARD"):
            self._is_in_multi, self._is_dirty = name == b"MULTI", False
        if name in _SUBSCRIBES:
            self._is_subscribed = True
        self._there.write(raw)
        self._expect(reply)
        return not reply.closes

    def _refuse(self, name: bytes, text: str, *, closes: bool) -> None:
        if name == b"MULTI":
            # A server that is in such a state refuses what comes after it, too.
            self._refused_with = text
        is_exec = name == b"EXEC" and self._is_in_multi
        if is_exec:
            self._there.write(resp.written("DISCARD"))
            self._is_in_multi = self._is_dirty = False
        elif self._is_in_multi:
            self._is_dirty = True
        self._expect(_Reply(text=text, is_coming=is_exec, closes=closes))

    def _expect(self, reply: _Reply) -> None:
        if self._is_subscribed and reply == _Reply():
            return
        self._due.append(reply)
        self._say_what_is_known()

    def _say_what_is_known(self) -> None:
        """The replies that the server has no part in, as far as it is their turn."""
        while self._due and not self._due[0].is_coming:
            self._say(self._due.popleft(), b"")

    def _say(self, reply: _Reply, frame: bytes) -> None:
        text = frame if reply.text is None else resp.error(reply.text) if reply.text else b""
        self._here.write(text)
        if reply.closes:
            self._over.set()

    async def _answer(self) -> None:
        buffer = bytearray()
        while data := await self._upstream.read(CHUNK_BYTES):
            buffer += data
            at = 0
            while at < len(buffer) and (end := resp.frame_end(buffer, at)):
                await self._pass_back(bytes(buffer[at:end]))
                at = end
            del buffer[:at]
            await self._here.drain()
        await self._here.drain()

    async def _pass_back(self, frame: bytes) -> None:
        if not self._due or (frame[0] == resp.PUSH and not self._is_subscribed):
            self._here.write(frame)
            return
        reply = self._due[0]
        if reply.held_by is not None:
            await reply.held_by.wait()
        self._due.popleft()
        self._say(reply, frame)
        self._say_what_is_known()


def _event_loop() -> asyncio.AbstractEventLoop:
    """The quicker one, where there is one."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
