"""A crowd of clients that place orders, in a process of its own.

`python -m loadtest.bench.crowd`: a crowd a line of JSON comes in, what became of it goes out. Each
client has one connection and one request at a time. A rude one asks again as soon as it is
answered; a polite one keeps `Retry-After`. Where orders arrive, whoever is free takes the next.
"""

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

import psutil
import uvloop

from loadtest.bench.generator import Job, order_requests, say
from loadtest.bench.responses import ResponseReader, header, status

ACCEPTED, REFUSED = b"202", b"503"
_RETRY_AFTER = b"retry-after:"


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who asks, for how long."""

    host: str
    port: int
    clients: int
    warm_up_s: float
    measured_s: float
    #: Whether clients that are refused wait as they are told to.
    is_polite: bool = False
    #: Orders that arrive, whether others are answered or not; 0: a client's next one follows.
    arrivals_per_s: float = 0.0
    #: Notifications, one after the other, of a client that is no part of the crowd. Ask for them in
    #: another process than for orders, or what the crowd costs itself counts for the shop's.
    probes_per_s: float = 0.0
    prefix: str = ""
    #: Whose processor time is measured as well.
    pid: int = 0


@dataclass(slots=True)
class Seen:
    """What was answered in the measured time; milliseconds."""

    accepted: int = 0
    refused: int = 0
    others: int = 0
    #: Arrivals for which no client was free.
    unsent: int = 0
    lasted_s: float = 0.0
    #: Of the process that was named.
    cpu_s: float = 0.0
    accepted_ms: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)
    probe_ms: list[float] = field(default_factory=list)


class Clients:
    """What all clients of a crowd share."""

    def __init__(self, crowd: Crowd, requests: Iterator[bytes]) -> None:
        self.crowd = crowd
        self.requests = requests
        self.seen: Seen | None = None
        self.is_over = False
        #: Where orders arrive: those that have nothing to do.
        self.free: deque[Client] = deque()


class Client(ResponseReader):
    """A connection; a new one is opened when it is closed under a request."""

    def __init__(self, clients: Clients, *, is_probe: bool = False) -> None:
        super().__init__()
        self._clients = clients
        self._is_probe = is_probe
        self._sent_s = 0.0
        self._reconnecting: asyncio.Task[None] | None = None
        self.idle = asyncio.Event()

    async def connect(self) -> None:
        loop, crowd = asyncio.get_running_loop(), self._clients.crowd
        await loop.create_connection(lambda: self, crowd.host, crowd.port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if not self._is_probe:
            self._next()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        self.transport = None
        if self._clients.is_over:
            return
        if self in self._clients.free:
            # The server has closed a connection that nobody used.
            self._clients.free.remove(self)
        elif self._clients.seen is not None:
            self._clients.seen.others += 1
        self._reconnecting = asyncio.get_running_loop().create_task(self.connect())

    def send(self, request: bytes) -> None:
        self._sent_s = time.monotonic()
        self.idle.clear()
        if self.transport is not None:
            self.transport.write(request)

    def response_received(self, head: bytes) -> None:
        code, took_ms = status(head), (time.monotonic() - self._sent_s) * 1e3
        self._note(code, took_ms)
        self.idle.set()
        if self._is_probe or self._clients.is_over:
            return
        wait_s = float(header(head, _RETRY_AFTER) or b"0") if code == REFUSED else 0.0
        if wait_s and self._clients.crowd.is_polite:
            asyncio.get_running_loop().call_later(wait_s, self._next)
        else:
            self._next()

    def _note(self, code: bytes, took_ms: float) -> None:
        if (seen := self._clients.seen) is None:
            return
        if self._is_probe and code == ACCEPTED:
            seen.probe_ms.append(took_ms)
        elif code == ACCEPTED:
            seen.accepted += 1
            seen.accepted_ms.append(took_ms)
        elif code == REFUSED and not self._is_probe:
            seen.refused += 1
            seen.refused_ms.append(took_ms)
        else:
            seen.others += 1

    def _next(self) -> None:
        if self._clients.is_over:
            return
        if self._clients.crowd.arrivals_per_s:
            self._clients.free.append(self)
        else:
            self.send(next(self._clients.requests))


async def watch(crowd: Crowd) -> Seen:
    """Raises `OSError`, `TimeoutError`."""
    job = Job(crowd.host, crowd.port, crowd.clients, 202, 0.0, 0.0, prefix=crowd.prefix)
    clients = Clients(crowd, order_requests(job))
    everyone = [Client(clients) for _ in range(crowd.clients)]
    for client in everyone:
        await client.connect()
    beside = []
    if crowd.arrivals_per_s:
        beside.append(asyncio.create_task(_arrive(clients)))
    if crowd.probes_per_s:
        beside.append(asyncio.create_task(_probe(clients)))
    await asyncio.sleep(crowd.warm_up_s)
    clients.seen, began_s, cpu_s = Seen(), time.monotonic(), _cpu_s(crowd.pid)
    await asyncio.sleep(crowd.measured_s)
    seen, clients.seen = clients.seen, None
    seen.lasted_s, seen.cpu_s = time.monotonic() - began_s, _cpu_s(crowd.pid) - cpu_s
    clients.is_over = True
    for part in beside:
        part.cancel()
    await asyncio.gather(*beside, return_exceptions=True)
    return seen


async def _arrive(clients: Clients) -> None:
    """Orders that come when they come: those that are due since the last look, every few ms."""
    began_s, sent = time.monotonic(), 0
    while True:
        await asyncio.sleep(0.005)
        due = int((time.monotonic() - began_s) * clients.crowd.arrivals_per_s)
        for _ in range(due - sent):
            if clients.free:
                clients.free.popleft().send(next(clients.requests))
            elif clients.seen is not None:
                clients.seen.unsent += 1
        sent = due


async def _probe(clients: Clients) -> None:
    """Notifications of a client that sends the next one when it is due and the last is answered."""
    crowd = clients.crowd
    client = Client(clients, is_probe=True)
    await client.connect()
    request = _notification(crowd)
    while True:
        client.send(request)
        await asyncio.sleep(1 / crowd.probes_per_s)
        await client.idle.wait()


def _notification(crowd: Crowd) -> bytes:
    body = b'{"email":"probe@example.com","message":"probe"}'
    head = (
        f"POST /test_notification HTTP/1.1\r\nHost: {crowd.host}:{crowd.port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _cpu_s(pid: int) -> float:
    if not pid:
        return 0.0
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def main() -> None:
    """A line in, a line out, until standard input is closed."""
    say("ready")
    for line in sys.stdin:
        try:
            seen = uvloop.run(watch(Crowd(**json.loads(line))))
            say(json.dumps(asdict(seen)))
        except (OSError, TimeoutError) as error:
            say(json.dumps({"failure": f"{type(error).__name__}: {error}"}))


if __name__ == "__main__":
    main()
