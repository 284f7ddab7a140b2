"""Load shedding: an order for which there is no room is refused before it costs anything."""

import asyncio
from collections import deque

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop.api.admission import AdmissionController
from shop.api.entrance import UNLOGGED
from shop.api.problems import OVERLOADED, problem_response


class LoadShedding:
    """Around the route of an order: lets some through at a time, and refuses those beyond.

    It is the route's, and not a layer in front of it, so that whatever path leads there under
    whatever prefix is limited too.
    """

    def __init__(self, app: ASGIApp, admission: AdmissionController) -> None:
        self._app = app
        self._admission = admission
        # The same bytes every time: under overload this is the answer that is given most.
        self._refusal = problem_response(OVERLOADED, OVERLOADED.example)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        admission, limiter = self._admission, self._admission.limiter
        if not admission.refuses():
            # Whole before it counts, or a few clients that send slowly would keep others out.
            receive = await _whole(receive)
        # Others may have come while the body did.
        if admission.refuses():
            await asyncio.sleep(admission.refusal_delay_s())
            await self._refuse(scope, receive, send)
            return
        admission.admit()
        try:
            if await limiter.acquire():
                try:
                    await self._app(scope, receive, send)
                finally:
                    limiter.release()
            else:
                # It has waited for as long as others that are refused.
                await self._refuse(scope, receive, send)
        finally:
            admission.leave()

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._admission.refused.count()
        scope[UNLOGGED] = True
        await self._refusal(scope, receive, send)


async def _whole(receive: Receive) -> Receive:
    """The same once every message of the body is there, or the client has hung up."""
    messages = deque([await receive()])
    while messages[-1].get("more_body", False):
        messages.append(await receive())

    async def again() -> Message:
        return messages.popleft() if messages else await receive()

    return again
