"""Admission control: a process takes as many orders as it places within a fraction of a second.

How many that is, is measured: a constant that fits one machine costs another one its intake
(`docs/decisions/0026`).
"""

import asyncio
import logging
import time
from collections import deque
from sys import maxsize

from shop.api.batched_warnings import BatchedWarning

logger = logging.getLogger(__name__)

#: What an order that is admitted may have to wait for its turn, by what is measured.
TARGET_WAIT_S = 0.3
#: What it waits at most when the measurement was wrong, of the 2 s within which it is answered.
TURN_WITHIN_S = 0.4
#: So many orders in hand are few, whatever was measured: a pause of the machine fills no queue.
MIN_IN_HAND = 64
#: Orders that are placed at the same time, and share their round trips; more would be no faster.
AT_ONCE = 32
#: So many of them begin in one pass of the event loop: whatever else is asked waits behind a few
#: passes.
BATCH = 4
#: A measurement of the service time, and its weight among those before it.
WINDOW_S = 0.25
WEIGHT = 0.5
#: Until it is measured.
SERVICE_TIME_S = 0.001

#: A refusal takes no less time than an admitted order may, and no more than a client should wait.
MIN_REFUSAL_S = TURN_WITHIN_S
MAX_REFUSAL_S = 1.5
#: So many seconds' worth of orders may come at once, where a rate is set.
BURST_S = 0.5


class AdmissionController:
    """What this process has in hand of orders, whether it takes another, and when it refuses."""

    def __init__(self, limit: int, per_s: float = 0.0) -> None:
        """`limit` bounds the orders in hand, those that are placed and those that wait, whatever
        is measured; `per_s` is how many may come in a second. 0 is no limit, for either.
        """
        self._limit = limit or maxsize
        self._rate = RateLimiter(per_s) if per_s else None
        self.in_hand = 0
        #: Heads that were let in, and are requests in the next pass of the loop.
        self._coming = 0
        self.limiter = ConcurrencyLimiter()
        self._next_refusal_s = 0.0
        self.refused = BatchedWarning(
            logger, "%d orders were turned away: more came than can be placed"
        )

    def refuses(self) -> bool:
        """Whether one more order is too many."""
        return self._is_full(self.in_hand)

    def refuses_head(self) -> bool:
        """The same, before those are in hand whose heads were let in."""
        return self._is_full(self.in_hand + self._coming)

    def _is_full(self, in_hand: int) -> bool:
        if in_hand >= min(self._limit, self.limiter.within(TARGET_WAIT_S, MIN_IN_HAND)):
            return True
        return self._rate is not None and self._rate.is_ahead(time.monotonic())

    def expect(self) -> None:
        """A head was let in; its request's task, if its body came too, is counted in this pass."""
        self._coming += 1
        # Behind the first step of that task, which was scheduled before.
        asyncio.get_running_loop().call_soon(self._has_come)

    def _has_come(self) -> None:
        self._coming -= 1

    def admit(self) -> None:
        """One has come; `leave` ends it."""
        if self._rate is not None:
            self._rate.count(time.monotonic())
        self.in_hand += 1

    def leave(self) -> None:
        self.in_hand -= 1

    def refusal_delay_s(self) -> float:
        """When the next refusal is due: they come as far apart as orders are placed.

        A client that is refused comes back. Were it answered at once, it would come so often that
        nothing else is done: eight clients above the former limit took nine tenths of the intake.
        """
        now_s = time.monotonic()
        due_s = max(self._next_refusal_s + self.limiter.service_time_s, now_s + MIN_REFUSAL_S)
        self._next_refusal_s = min(due_s, now_s + MAX_REFUSAL_S)
        return self._next_refusal_s - now_s


class RateLimiter:
    """So many a second; what was not used is kept for bursts, for a while."""

    def __init__(self, per_s: float) -> None:
        self._interval_s = 1 / per_s
        #: When the next one would come, if all came evenly.
        self._next_s = 0.0

    def is_ahead(self, now_s: float) -> bool:
        return self._next_s > now_s + BURST_S

    def count(self, now_s: float) -> None:
        self._next_s = max(self._next_s, now_s) + self._interval_s


class ConcurrencyLimiter:
    """First come, first served: `AT_ONCE` at a time, a few of them in one pass of the loop."""

    def __init__(self) -> None:
        self._taken = 0
        self._waiting: deque[asyncio.Future[bool]] = deque()
        self._gives = False
        #: Between two orders that were placed while others waited.
        self.service_time_s = SERVICE_TIME_S
        self._window_from_s: float | None = None
        self._window_count = 0

    def within(self, seconds: float, at_least: int) -> int:
        """How many are placed in so many seconds."""
        return max(at_least, int(seconds / self.service_time_s))

    async def acquire(self) -> bool:
        """Whether the turn came in time; the one who took it ends it."""
        if not self._waiting and self._taken < AT_ONCE:
            self._taken += 1
            return True
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(turn)
        patience = loop.call_later(TURN_WITHIN_S, _miss, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                # Given, and never to be used.
                self.release()
            raise
        finally:
            patience.cancel()

    def release(self) -> None:
        self._taken -= 1
        self._measure()
        self._give_soon()

    def _give_soon(self) -> None:
        if self._waiting and not self._gives:
            self._gives = True
            asyncio.get_running_loop().call_soon(self._give)

    def _give(self) -> None:
        """Give turns to those that wait, `BATCH` in this pass of the loop."""
        self._gives = False
        left = BATCH
        while self._waiting and (self._waiting[0].done() or (left and self._taken < AT_ONCE)):
            turn = self._waiting.popleft()
            if not turn.done():
                left -= 1
                self._taken += 1
                turn.set_result(True)
        if self._taken < AT_ONCE:
            self._give_soon()

    def _measure(self) -> None:
        """The service time, over windows in which somebody waited all the time."""
        now_s = time.monotonic()
        if not self._waiting:
            self._window_from_s = None
            return
        if self._window_from_s is None:
            self._window_from_s, self._window_count = now_s, 0
            return
        self._window_count += 1
        if (lasted_s := now_s - self._window_from_s) >= WINDOW_S:
            measured_s = lasted_s / self._window_count
            self.service_time_s += WEIGHT * (measured_s - self.service_time_s)
            self._window_from_s, self._window_count = now_s, 0


def _miss(turn: "asyncio.Future[bool]") -> None:
    # `_give` passes over those that are done.
    if not turn.done():
        turn.set_result(False)
