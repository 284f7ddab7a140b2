"""Sends what the plan says, and sends it again when nobody knows whether it arrived."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event as Flag
from threading import Thread
from typing import Any
from uuid import uuid4

import httpx

from testing.chaos.plan import Plan, Send
from testing.history import Operation, Recorder, now_ms

PATHS = {Operation.ORDER: "/order", Operation.NOTIFICATION: "/test_notification"}
#: The API promises an answer within 2 s; nobody answers for one that is dead.
ANSWER_WITHIN_S = 5.0
TRY_AGAIN_AFTER_S = 0.3
#: Longer than any fault of a run: who gives up here was let down.
GIVE_UP_AFTER_S = 90.0
CONNECTIONS = 100
#: A run asks what faults do, not what too much work does: two cores process 15 to 30 orders/s, and
#: what waits when the last fault heals has to be finished in 30 s.
MAX_OWED = 150
LOOK_AGAIN_AFTER_S = 0.05


class DriverBroke(Exception):
    """The driver ended before it was told to; its error is the cause."""


class Driver:
    """A thread with an event loop; its figures may be read from any other."""

    def __init__(
        self, base_url: str, plan: Plan, history: Recorder, owed: Callable[[], int]
    ) -> None:
        """`owed` says how much work is not finished; it is called in threads of its own."""
        self._base_url = base_url
        self._plan = plan
        self._history = history
        self._loop = asyncio.new_event_loop()
        self._enough = Flag()
        self._began = Flag()
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name="driver", daemon=True)
        self._main: asyncio.Task[None] | None = None
        #: Orders that were sent, each counted once.
        self.orders = 0
        self.attempts = 0
        #: Sends that got no answer which settles them.
        self.given_up = 0
        self.last_answer_ms = 0
        self._owed = owed
        #: How long arrivals waited because more than `MAX_OWED` was owed.
        self.waited_s = 0.0

    @property
    def is_done(self) -> bool:
        """Whether all was sent and answered. Raises `DriverBroke`."""
        if self._error is not None:
            raise DriverBroke(repr(self._error)) from self._error
        return not self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def enough(self) -> None:
        """Stop with the profile's last order, or at once if that was sent."""
        self._enough.set()

    def place(self, send: Send) -> None:
        """Send it now, from another thread; returns when it is settled."""
        asyncio.run_coroutine_threadsafe(self._place(send), self._loop).result()

    def cancel(self) -> None:
        """End it, whatever is under way; harmless when it was not started."""
        if self._thread.ident is None:
            self._loop.close()
            return
        # Before that there is nothing to cancel, and it would go on for ever.
        self._began.wait()
        if self._main is not None:
            with suppress(RuntimeError):  # the loop is closed: it has ended
                self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._drive())
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self._began.set()
            self._loop.close()

    async def _drive(self) -> None:
        self._main = asyncio.current_task()
        self._began.set()
        limits = httpx.Limits(max_connections=CONNECTIONS)
        timeout = httpx.Timeout(ANSWER_WITHIN_S, pool=GIVE_UP_AFTER_S)
        self._http = httpx.AsyncClient(
            base_url=self._base_url, timeout=timeout, limits=limits, trust_env=False
        )
        async with self._http, asyncio.TaskGroup() as group:
            self._group = group
            due_s = time.monotonic()
            for arrival in self._plan.arrivals():
                if self.orders >= self._plan.profile.orders and self._enough.is_set():
                    return
                due_s += arrival.gap_s
                await asyncio.sleep(due_s - time.monotonic())
                late_since_s = time.monotonic()
                while await asyncio.to_thread(self._owed) > MAX_OWED:  # noqa: ASYNC110 - Redis is asked
                    await asyncio.sleep(LOOK_AGAIN_AFTER_S)
                waited_s = time.monotonic() - late_since_s
                due_s += waited_s
                self.waited_s += waited_s
                self.orders += 1
                group.create_task(self._arrive(list(arrival.sends)))

    async def _place(self, send: Send) -> None:
        # In the group: the driver is not done before it is settled.
        await self._group.create_task(self._settle(send))

    async def _arrive(self, sends: list[Send]) -> None:
        first = asyncio.create_task(self._settle(sends[0]))
        await asyncio.gather(first, *(self._follow(first, send) for send in sends[1:]))

    async def _follow(self, first: "asyncio.Task[None]", send: Send) -> None:
        # After the first: of two that contradict each other, nobody could say which stands.
        if send.again_after_s is not None:
            await asyncio.sleep(send.again_after_s)
            await first
        await self._settle(send)

    async def _settle(self, send: Send) -> None:
        deadline_s = time.monotonic() + GIVE_UP_AFTER_S
        while not await self._attempt(send):
            if time.monotonic() > deadline_s:
                self.given_up += 1
                return
            await asyncio.sleep(TRY_AGAIN_AFTER_S)

    async def _attempt(self, send: Send) -> bool:
        """Whether the answer settles it: 5xx and none say that it may be sent again."""
        attempt = uuid4().hex
        subject = send.subject if send.operation is Operation.ORDER else attempt
        self._history.request(send.operation, subject, attempt, send.payload)
        self.attempts += 1
        began_s = time.monotonic()
        try:
            answer = await self._http.post(PATHS[send.operation], json=send.payload)
        except httpx.TransportError as error:
            self._history.answer(
                subject, attempt, latency_ms=_ms_since(began_s), error=type(error).__name__
            )
            return False
        body: dict[str, Any] = answer.json() if answer.is_success else {}
        self._history.answer(
            subject,
            attempt,
            latency_ms=_ms_since(began_s),
            status=answer.status_code,
            task_id=body.get("task_id"),
        )
        if answer.is_server_error:
            return False
        self.last_answer_ms = now_ms()
        return True


def _ms_since(began_s: float) -> float:
    return round((time.monotonic() - began_s) * 1000, 3)
