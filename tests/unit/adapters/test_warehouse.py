"""The warehouse that only takes its time."""

import time

import pytest

from shop.adapters.warehouse import SimulatedWarehouse
from tests.builders import an_order


@pytest.fixture
def pauses_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses_s: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses_s.append)
    return pauses_s


def test_it_takes_its_time(pauses_s: list[float]) -> None:
    warehouse = SimulatedWarehouse(delay_s=0.2)

    warehouse.prepare(an_order())

    assert pauses_s == [0.2]
    assert warehouse.max_preparation_s == 0.2


def test_without_a_delay_it_does_not_even_yield(pauses_s: list[float]) -> None:
    SimulatedWarehouse(delay_s=0.0).prepare(an_order())

    assert pauses_s == []
