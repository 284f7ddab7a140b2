"""Orders beyond what this process can take are turned away before they cost anything.

`docs/decisions/0008` has the measurement behind it.
"""

import asyncio
import logging
import time
from collections import deque
from sys import maxsize
from types import SimpleNamespace

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop.api.entrance import UNLOGGED
from shop.api.problems import OVERLOADED, problem_response

logger = logging.getLogger(__name__)

#: Orders that are placed at the same time, and share their round trips; more would be no faster.
AT_ONCE = 32
#: The same after an order was refused, for so long: then there is more than enough of them, and
#: whatever else is asked waits behind each.
AT_ONCE_OVERLOADED = 1
OVERLOADED_FOR_S = 1.0
#: What an order waits for its turn at most, of the 2 s within which it is answered.
TURN_WITHIN_S = 0.4
TOLD_EVERY_S = 1.0
#: So many seconds' worth of orders may come at once, where a rate is set.
BURST_S = 0.5

ORDER_PATH = "/order"
#: For the metrics, which count by route: a refused order never gets to its own.
_ROUTE = SimpleNamespace(path_format=ORDER_PATH)


class Room:
    """What this process has in hand of orders, and whether it takes another."""

    def __init__(self, limit: int, per_s: float = 0.0) -> None:
        """`limit` counts the orders in hand: those that are placed and those that wait.

        `per_s` is how many may come in a second; 0 is no limit, for either.
        """
        self._limit = limit or maxsize
        self._pace = _Pace(per_s) if per_s else None
        self.in_hand = 0
        self.turns = Turns()
        #: Since the log was told.
        self._refused = 0
        # The same bytes every time: under overload this is the answer that is given most.
        self.refusal = problem_response(OVERLOADED, OVERLOADED.example)

    def is_full(self) -> bool:
        """Whether one more is too many; if so, fewer are placed at a time for a while."""
        if self.in_hand < self._limit:
            return False
        self.turns.narrow()
        return True

    def is_ahead(self) -> bool:
        """Whether more have come than the rate allows."""
        return self._pace is not None and self._pace.is_ahead(time.monotonic())

    def come(self) -> None:
        """One has come, as far as the rate goes."""
        if self._pace is not None:
            self._pace.come(time.monotonic())

    def count_refusal(self) -> None:
        """The log is told of many in a line, or it would take more time than the refusals."""
        if not self._refused:
            asyncio.get_running_loop().call_later(TOLD_EVERY_S, self._tell)
        self._refused += 1

    def _tell(self) -> None:
        logger.warning("%d orders were turned away: more came than can be placed", self._refused)
        self._refused = 0


class ShedOrders:
    """Lets a few orders through at a time, and answers 503 to those that find no room to wait."""

    def __init__(self, app: ASGIApp, room: Room) -> None:
        self._app = app
        self._room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] == ORDER_PATH and scope["method"] == "POST":
            await self._order(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _order(self, scope: Scope, receive: Receive, send: Send) -> None:
        room, turns = self._room, self._room.turns
        if room.is_ahead():
            await self._refuse(scope, receive, send)
            return
        if not room.is_full():
            # Whole before it counts, or a few clients that send slowly would keep others out.
            receive = await _whole(receive)
        # Others may have come while the body did.
        if room.is_full() or room.is_ahead():
            await self._refuse(scope, receive, send)
            return
        room.come()
        room.in_hand += 1
        try:
            if not await turns.take():
                turns.narrow()
                await self._refuse(scope, receive, send)
                return
            try:
                await self._app(scope, receive, send)
            finally:
                turns.end()
        finally:
            room.in_hand -= 1

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._room.count_refusal()
        scope["route"] = _ROUTE
        scope[UNLOGGED] = True
        await self._room.refusal(scope, receive, send)


class _Pace:
    """So many a second; what was not used is kept for bursts, for a while."""

    def __init__(self, per_s: float) -> None:
        self._interval_s = 1 / per_s
        #: When the next one would come, if all came evenly.
        self._next_s = 0.0

    def is_ahead(self, now_s: float) -> bool:
        return self._next_s > now_s + BURST_S

    def come(self, now_s: float) -> None:
        self._next_s = max(self._next_s, now_s) + self._interval_s


class Turns:
    """Whose turn it is: first come, first served; under overload fewer at once."""

    def __init__(self) -> None:
        self._narrow_until_s = 0.0
        self._taken = 0
        self._waiting: deque[asyncio.Future[bool]] = deque()

    async def take(self) -> bool:
        """Whether the turn came in time; the one who took it ends it."""
        if not self._waiting and self._is_free():
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
                self.end()
            raise
        finally:
            patience.cancel()

    def narrow(self) -> None:
        """More came than there was room for."""
        self._narrow_until_s = time.monotonic() + OVERLOADED_FOR_S

    def end(self) -> None:
        self._taken -= 1
        self.give()

    def give(self) -> None:
        """Give the turns that are free to those that wait."""
        while self._waiting and (self._waiting[0].done() or self._is_free()):
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(True)

    def _is_free(self) -> bool:
        overloaded = time.monotonic() < self._narrow_until_s
        return self._taken < (AT_ONCE_OVERLOADED if overloaded else AT_ONCE)


def _miss(turn: "asyncio.Future[bool]") -> None:
    # `give` passes over those that are done.
    if not turn.done():
        turn.set_result(False)


async def _whole(receive: Receive) -> Receive:
    """The same once every message of the body is there, or the client has hung up."""
    messages = deque([await receive()])
    while messages[-1].get("more_body", False):
        messages.append(await receive())

    async def again() -> Message:
        return messages.popleft() if messages else await receive()

    return again
