"""What all faults have in common: their phases, and that they heal whatever happens."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Any, ClassVar, Self
from uuid import uuid4

from testing.history import Phase, Recorder


class FaultDidNotTakeHold(AssertionError):
    """What the fault was to break did not break, so that nothing is shown by what followed."""


class Fault(ABC):
    """A context manager: what it breaks is broken from entering it to leaving it.

    Entering raises `FaultDidNotTakeHold`, after healing. What the system then does about the
    damage is not awaited: healed means that nothing stands in its way any more.
    """

    name: ClassVar[str]

    def __init__(self, history: Recorder | None = None) -> None:
        self._history = history
        self._id = uuid4().hex[:8]
        #: What `confirm` said, once it is entered.
        self.proof: Mapping[str, Any] = {}

    @abstractmethod
    def inject(self) -> None:
        """Break it. May raise `FaultDidNotTakeHold`."""

    @abstractmethod
    def confirm(self) -> Mapping[str, Any]:
        """What proves that it took hold, as JSON has it. May raise `FaultDidNotTakeHold`."""

    @abstractmethod
    def heal(self) -> None:
        """Mend it, however far `inject` came; called once more when Ctrl-C breaks it off."""

    def __enter__(self) -> Self:
        self._record(Phase.INJECTED)
        try:
            self.inject()
            self.proof = self.confirm()
            self._record(Phase.CONFIRMED, **self.proof)
        except BaseException as error:
            self._record(Phase.NOT_CONFIRMED, error=f"{type(error).__name__}: {error}"[:500])
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        try:
            self.heal()
        except KeyboardInterrupt:
            # Somebody is impatient; what is broken may not be theirs alone.
            self.heal()
            self._record(Phase.HEALED)
            raise
        self._record(Phase.HEALED)

    def _record(self, phase: Phase, **details: Any) -> None:
        if self._history is not None:
            self._history.fault(self.name, self._id, phase, **details)
