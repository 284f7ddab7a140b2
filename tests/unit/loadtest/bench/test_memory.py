"""What the bench of memory makes of what it saw; with made-up sizes."""

import pytest

from loadtest.bench.bench import BenchBroke, is_reached
from loadtest.bench.memory import BATCHES, MIB, ORDERS, Memory, found

ROUNDS = 3


def seen(leak_mib_a_round: float) -> dict[str, bool | None]:
    """Service -> whether it is told to have kept its size; one loads much in the first round."""
    batches = range(ROUNDS * BATCHES + 1)
    leak = leak_mib_a_round * MIB / BATCHES
    taken = [
        {"api": 60 * MIB, "flower": int((60 + min(batch, BATCHES) * 7) * MIB + leak * batch)}
        for batch in batches
    ]
    held = [20_000 * ORDERS * number for number in range(ROUNDS + 1)]
    result = found(taken, held)
    (an_order,) = (figure for figure in result.figures if figure.name == "Redis, an order")
    assert an_order.values == [20_000] * ROUNDS
    idle, after = (figure.values for figure in result.figures[2:4])
    assert idle == [60]
    assert after == pytest.approx([130 + ROUNDS * leak_mib_a_round])
    return {growth.name.split(",")[0]: is_reached(growth) for growth in result.growths}


def test_what_is_loaded_in_the_first_round_is_no_growth() -> None:
    assert seen(0.0) == {"api": True, "flower": True}


def test_a_hundred_bytes_an_order_are() -> None:
    assert seen(100 * ORDERS / MIB) == {"api": True, "flower": False}


def test_one_round_is_refused_for_it_would_show_nothing() -> None:
    with pytest.raises(BenchBroke, match="second round"):
        Memory().run(1, lambda _: None)
