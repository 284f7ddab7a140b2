"""Redis is frozen: does every request get its answer in time, and is it the right one?"""

import asyncio
import itertools
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

import httpx

from testing.drills.drill import Figure, Result
from testing.drills.shoppers import accepted, client, fill_stock, notification, order
from testing.faults import RedisFrozen
from testing.history import HistoryWriter
from testing.stack import API, BEAT, FLOWER
from testing.stacks.local import LocalStack
from testing.waiting import wait_for

PROMISED_S = 2.0
#: Nobody waits longer; what is not answered by then has this as its value.
GIVE_UP_AFTER_S = 15.0
#: Requests under way at once: more than threads that publish, fewer than connections to Redis.
AT_ONCE = 16
#: How long requests come in, before the freeze and after it was seen to hold.
BEFORE_S, FROZEN_S = 1.0, 3.0
#: Between an answer and the next request of the same client; it must not flood its own machine.
PAUSE_S = 0.05
STARTS_WITHIN_S = 60.0
PROBLEM = "application/problem+json"
EXPECTED = "503 problem"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request."""

    call: str
    #: By `time.monotonic`.
    began_s: float
    ended_s: float
    #: `503 problem`, or what else came of it.
    what: str

    @property
    def took_s(self) -> float:
        return self.ended_s - self.began_s


@dataclass(frozen=True, slots=True)
class Call:
    """One of the API's calls that need Redis."""

    method: str
    path: str
    #: What is asked for, in place of `{}`.
    of: str = ""
    #: The body, of a text that differs from request to request; None for a call without one.
    content: Callable[[str], dict[str, Any]] | None = None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def run(folder: Path, *, times: int, seed: int, on_progress: Callable[[str], None]) -> Result:
    """Each repetition: 16 clients at once while the freeze sets in, then as many on a new API.

    The value of each is the slowest answer of a call to a request that was under way while Redis
    was frozen.
    """
    worst: dict[str, list[float]] = defaultdict(list)
    wrong: list[float] = []
    seen: Counter[str] = Counter()
    # The workers have nothing to do with it, but readiness asks for them.
    with (
        HistoryWriter(folder / "history.jsonl") as history,
        LocalStack(without={FLOWER, BEAT}) as stack,
    ):
        fill_stock(stack)
        calls = _calls(stack)
        draw = random.Random(seed)
        for number in range(times):
            on_progress(f"freezing under way, {number + 1}/{times}")
            prefix = f"{seed}-{number}"
            with Clients(stack.base_url, calls, prefix) as clients:
                clients.wait_s(BEFORE_S)
                freezing_s = time.monotonic()
                with RedisFrozen(stack, history):
                    frozen_s = time.monotonic()
                    clients.wait_s(FROZEN_S)
                    clients.enough()
                    on_progress(f"a new API, {number + 1}/{times}")
                    answers = [a for a in clients.answers if a.ended_s > freezing_s]
                    # Only one of the calls finds the API as it was started.
                    shuffled = draw.sample(calls, len(calls))
                    fresh = _ask_a_new_api(stack, shuffled, f"{prefix}-new")
            during = [*answers, *fresh]
            seen.update(answer.what for answer in during)
            wrong.append(sum(not _is_right(answer, frozen_s) for answer in during))
            for call in calls:
                took_s = [answer.took_s for answer in during if answer.call == call.name]
                worst[call.name].append(round(max(took_s, default=GIVE_UP_AFTER_S), 3))
            stack.wait_ready()
        (folder / "api.log").write_text(stack.service(API).logs())
    figures = [
        Figure(f"{name} while Redis is frozen", values, PROMISED_S)
        for name, values in worst.items()
    ]
    figures.append(Figure("answers other than a 503 problem", wrong, 0, unit=""))
    listed = ", ".join(f"{count} x {what}" for what, count in seen.most_common())
    return Result(figures, [f"answers to requests under way while it was frozen: {listed}"])


class Clients:
    """A context manager: so many ask at once, each its next request when it was answered."""

    def __init__(self, base_url: str, calls: list[Call], prefix: str) -> None:
        self._base_url = base_url
        self._calls = calls
        self._prefix = prefix
        self._enough = Event()
        self._thread = Thread(target=lambda: asyncio.run(self._ask()), name="clients", daemon=True)
        self.answers: list[Answer] = []

    def wait_s(self, seconds: float) -> None:
        """Let them ask for so long: here waiting is the plan."""
        self._enough.wait(seconds)

    def enough(self) -> None:
        """Returns when the last request is answered."""
        self._enough.set()
        self._thread.join()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.enough()

    async def _ask(self) -> None:
        async with _http(self._base_url) as http:
            await asyncio.gather(*(self._one(http, number) for number in range(AT_ONCE)))

    async def _one(self, http: httpx.AsyncClient, client_number: int) -> None:
        # Each begins with another call, so that all are under way at any time.
        turns = itertools.islice(itertools.cycle(self._calls), client_number, None)
        for number, call in enumerate(turns):
            if self._enough.is_set():
                return
            text = f"{self._prefix}-{client_number}-{number}"
            self.answers.append(await _answer(http, call, text))
            await asyncio.sleep(PAUSE_S)


def _is_right(answer: Answer, frozen_s: float) -> bool:
    # While the freeze sets in, Redis may still have answered.
    return answer.what == EXPECTED or (answer.what[0] == "2" and answer.began_s < frozen_s)


def _calls(stack: LocalStack) -> list[Call]:
    """All that need Redis, asking for an order that was processed."""
    with client(stack) as http:
        task_id = accepted(http, "/order", order("looked-up"), within_s=STARTS_WITHIN_S)
        wait_for(
            "there is an invoice",
            lambda: http.get("/invoice/looked-up").is_success,
            within_s=STARTS_WITHIN_S,
            explain=stack.describe,
        )
    return [
        Call("POST", "/order", content=order),
        Call("POST", "/test_notification", content=notification),
        Call("GET", "/order/{}", "looked-up"),
        Call("GET", "/status/{}", task_id),
        Call("GET", "/invoice/{}", "looked-up"),
        Call("GET", "/health/ready"),
    ]


def _ask_a_new_api(stack: LocalStack, calls: list[Call], prefix: str) -> list[Answer]:
    """Start the API again, and ask all at once for the first time, each call `AT_ONCE` times."""
    api = stack.service(API)
    api.restart()
    with client(stack) as http:
        wait_for(
            "the API answers", partial(_is_alive, http), within_s=STARTS_WITHIN_S, explain=api.logs
        )

    async def ask() -> list[Answer]:
        async with _http(stack.base_url) as http:
            answers = []
            for call in calls:
                answers += await asyncio.gather(
                    *(_answer(http, call, f"{prefix}-{number}") for number in range(AT_ONCE))
                )
            return answers

    return asyncio.run(ask())


def _is_alive(http: httpx.Client) -> bool:
    try:
        return http.get("/health/live").is_success
    except httpx.TransportError:
        return False


async def _answer(http: httpx.AsyncClient, call: Call, text: str) -> Answer:
    began_s = time.monotonic()
    try:
        content = call.content(text) if call.content else None
        answer = await http.request(call.method, call.path.format(call.of), json=content)
    except httpx.TransportError as error:
        what = type(error).__name__
    else:
        is_problem = answer.headers.get("content-type") == PROBLEM
        what = f"{answer.status_code} problem" if is_problem else f"{answer.status_code}"
    return Answer(call.name, began_s, time.monotonic(), what)


def _http(base_url: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None)
    return httpx.AsyncClient(
        base_url=base_url, timeout=GIVE_UP_AFTER_S, limits=limits, trust_env=False
    )
