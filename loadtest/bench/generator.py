"""A closed loop over keep-alive connections, in a process of its own and cheap.

`python -m loadtest.bench.generator`: a job a line of JSON comes in, what was counted goes out. Each
connection sends its next request when the last one is answered. What an answer
says beyond its status is skipped.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count, cycle

import uvloop

from loadtest.bench.responses import ResponseReader, status

#: Requests under way when the time is over are waited for.
ENDS_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Job:
    """What one measurement is."""

    host: str
    port: int
    connections: int
    #: The first line of an answer that counts, without the reason.
    status: int
    warm_up_s: float
    #: Not measured if it is 0: then the requests are sent, each once.
    measured_s: float
    #: So many `POST /order`, with ids of this prefix; 0 is as many as there is time for.
    orders: int = 0
    prefix: str = ""
    #: Instead of orders: paths to GET, again and again.
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """What came of it."""

    answered: int
    lasted_s: float
    #: Other statuses, over the whole time, the warm-up included.
    others: int
    #: The share of a core that this process took.
    cpu: float


class BadAnswer(Exception):
    """An answer without a length, or a connection that was closed."""


def order_requests(job: Job) -> Iterator[bytes]:
    """`POST /order`, each with an id of its own, all of one length."""
    head = (
        f"POST /order HTTP/1.1\r\nHost: {job.host}:{job.port}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    )
    for number in range(job.orders) if job.orders else count():
        body = (
            f'{{"id":"{job.prefix}-{number:07}","item":"SKU-{number % 10}","qty":1,'
            f'"email":"customer{number % 1000:03}@example.com"}}'
        )
        yield f"{head}{len(body)}\r\n\r\n{body}".encode()


def get_requests(job: Job) -> Iterator[bytes]:
    """GETs of the job's paths in turn, without an end."""
    return cycle(
        f"GET {path} HTTP/1.1\r\nHost: {job.host}:{job.port}\r\n\r\n".encode() for path in job.paths
    )


class Tally:
    """What all connections share."""

    def __init__(self, requests: Iterator[bytes], wanted: int) -> None:
        self.status = str(wanted).encode()
        self.answered = 0
        self.others = 0
        self.failure: Exception | None = None
        self.is_over = False
        self.open = 0
        self.all_ended = asyncio.Event()
        self._requests = requests

    def next_request(self) -> bytes | None:
        return None if self.is_over else next(self._requests, None)


class Connection(ResponseReader):
    """Sends the next request when the last one is answered."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally
        self._is_done = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._tally.open += 1
        self._send_next()

    def response_received(self, head: bytes) -> None:
        if status(head) == self._tally.status:
            self._tally.answered += 1
        else:
            self._tally.others += 1
        self._send_next()

    def without_length(self, head: bytes) -> None:
        self._tally.failure = BadAnswer(f"no Content-Length in {head[:80]!r}")

    def connection_lost(self, error: Exception | None) -> None:
        tally = self._tally
        tally.open -= 1
        if not self._is_done and tally.failure is None:
            tally.failure = error or BadAnswer("a connection was closed")
        if not tally.open:
            tally.all_ended.set()

    def _send_next(self) -> None:
        assert self.transport is not None
        request = None if self._tally.failure else self._tally.next_request()
        if request is None:
            self._is_done = True
            self.transport.close()
        else:
            self.transport.write(request)


async def carry_out(job: Job) -> Counted:
    """Raises `BadAnswer`, `OSError`, `TimeoutError`."""
    loop = asyncio.get_running_loop()
    tally = Tally(get_requests(job) if job.paths else order_requests(job), job.status)
    started_s, cpu_s = time.monotonic(), time.process_time()
    for _ in range(job.connections):
        await loop.create_connection(lambda: Connection(tally), job.host, job.port)
    before = answered = 0
    if job.measured_s:
        await asyncio.sleep(job.warm_up_s)
        before, started_s, cpu_s = tally.answered, time.monotonic(), time.process_time()
        await asyncio.sleep(job.measured_s)
        answered, lasted_s = tally.answered - before, time.monotonic() - started_s
        cpu = (time.process_time() - cpu_s) / lasted_s
        tally.is_over = True
        await asyncio.wait_for(tally.all_ended.wait(), ENDS_WITHIN_S)
    else:
        await tally.all_ended.wait()
        answered, lasted_s = tally.answered, time.monotonic() - started_s
        cpu = (time.process_time() - cpu_s) / lasted_s
    if tally.failure is not None:
        raise tally.failure
    return Counted(answered, lasted_s, tally.others, cpu)


def main() -> None:
    """A line in, a line out, until standard input is closed."""
    say("ready")
    for line in sys.stdin:
        try:
            counted = uvloop.run(carry_out(Job(**json.loads(line))))
            say(json.dumps(asdict(counted)))
        except (BadAnswer, OSError, TimeoutError) as error:
            say(json.dumps({"failure": f"{type(error).__name__}: {error}"}))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
