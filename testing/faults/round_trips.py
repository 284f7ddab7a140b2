"""Round trips of one process that fail, while everything else goes on."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from testing.faults.fault import Fault, FaultDidNotTakeHold
from testing.faults.refusals import TripFault
from testing.faults.resp_proxy import Injection, RespProxy
from testing.faults.trips import Selector
from testing.history import Recorder
from testing.waiting import TimedOut, wait_for

BEFALLS_WITHIN_S = 20.0
#: A connection that is used now and then has been by then.
PROVOKED_AFTER_S = 4.0


class RoundTripsFail(Fault):
    """What `select` chooses of a proxy's trips meets `trip_fault`: all of it, or `times`."""

    name = "round-trips-fail"

    def __init__(
        self,
        proxy: RespProxy,
        trip_fault: TripFault,
        select: Selector,
        history: Recorder | None = None,
        *,
        times: int | None = None,
        provocations: Sequence[Callable[[], object]] = (),
        within_s: float = BEFALLS_WITHIN_S,
    ) -> None:
        """`provocations` see to it that there are such trips, one after the other, as need be."""
        super().__init__(history)
        self._proxy = proxy
        self._trip_fault = trip_fault
        self._select = select
        self._times = times
        self._provocations = provocations
        self._within_s = within_s
        self._injecting = ExitStack()
        self._injection: Injection | None = None

    def inject(self) -> None:
        self._injection = self._injecting.enter_context(
            self._proxy.injecting(self._trip_fault, self._select, times=self._times)
        )

    def confirm(self) -> Mapping[str, Any]:
        assert self._injection is not None
        hits = self._injection.hits
        for provoke in self._provocations:
            with suppress(TimedOut):
                wait_for("a round trip fails", lambda: bool(hits), within_s=PROVOKED_AFTER_S)
                break
            provoke()
        try:
            wait_for("a round trip fails", lambda: bool(hits), within_s=self._within_s)
        except TimedOut as error:
            raise FaultDidNotTakeHold(str(error)) from None
        return {"fault": self._trip_fault.name, "at": str(hits[0].point)}

    @property
    def hits(self) -> int:
        """How many trips it befell so far."""
        return 0 if self._injection is None else len(self._injection.hits)

    def heal(self) -> None:
        self._injecting.close()
