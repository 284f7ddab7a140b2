"""A fault heals whatever happens, and its history says how far it came."""

from collections.abc import Mapping
from typing import Any

import pytest

from testing.faults import Fault, FaultDidNotTakeHold
from testing.history import Phase
from tests.unit.testing.memory import Memory


class Scripted(Fault):
    """Raises what it is told, each once."""

    name = "scripted"

    def __init__(self, history: Memory, **errors: BaseException) -> None:
        super().__init__(history)
        self._errors = errors
        self.done: list[str] = []

    def inject(self) -> None:
        self._do("inject")

    def confirm(self) -> Mapping[str, Any]:
        self._do("confirm")
        return {"seen": "it is broken"}

    def heal(self) -> None:
        self._do("heal")

    def _do(self, what: str) -> None:
        self.done.append(what)
        if error := self._errors.pop(what, None):
            raise error


@pytest.fixture
def history() -> Memory:
    return Memory()


def phases(history: Memory) -> list[str]:
    return [event.data["phase"] for event in history.events]


def test_it_takes_hold_and_is_healed(history: Memory) -> None:
    with Scripted(history) as fault:
        assert fault.proof == {"seen": "it is broken"}
        assert phases(history) == [Phase.INJECTED, Phase.CONFIRMED]

    assert fault.done == ["inject", "confirm", "heal"]
    assert phases(history) == [Phase.INJECTED, Phase.CONFIRMED, Phase.HEALED]
    assert history.events[1].data["seen"] == "it is broken"
    assert len({event.data["fault"] for event in history.events}) == 1


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyboardInterrupt()])
def test_it_is_healed_when_the_body_raises(error: BaseException, history: Memory) -> None:
    fault = Scripted(history)
    with pytest.raises(type(error)), fault:
        raise error

    assert fault.done == ["inject", "confirm", "heal"]
    assert phases(history)[-1] == Phase.HEALED


@pytest.mark.parametrize("where", ["inject", "confirm"])
@pytest.mark.parametrize("error", [FaultDidNotTakeHold("no"), OSError(), KeyboardInterrupt()])
def test_it_is_healed_when_it_did_not_take_hold(
    where: str, error: BaseException, history: Memory
) -> None:
    fault = Scripted(history, **{where: error})
    with pytest.raises(type(error)), fault:
        pytest.fail("entered")

    assert fault.done[-2:] == [where, "heal"]
    assert phases(history) == [Phase.INJECTED, Phase.NOT_CONFIRMED, Phase.HEALED]


def test_ctrl_c_while_it_heals_breaks_nothing_off(history: Memory) -> None:
    fault = Scripted(history, heal=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt), fault:
        pass

    assert fault.done[-2:] == ["heal", "heal"]
    assert phases(history)[-1] == Phase.HEALED


def test_what_could_not_be_healed_is_not_called_so(history: Memory) -> None:
    fault = Scripted(history, heal=TimeoutError("Redis does not answer"))
    with pytest.raises(TimeoutError), fault:
        pass

    assert phases(history) == [Phase.INJECTED, Phase.CONFIRMED]
