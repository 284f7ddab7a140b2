"""What benches find, judged and shown; with made-up values."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from rich.console import Console

from loadtest.bench.bench import (
    Bench,
    BenchBroke,
    Comparison,
    Figure,
    Growth,
    Reach,
    Result,
    Show,
    is_reached,
    is_sure,
)
from loadtest.bench.registry import BENCHES
from loadtest.bench.rounds import in_turns
from loadtest.bench.running import NOT_REACHED, REACHED, bench

STEADY = [100.0, 102.0, 98.0, 101.0, 99.0]


def compared(times: float, reach: Reach | None, baseline: Sequence[float] = STEADY) -> Comparison:
    return Comparison("a / b", "1/s", [value * times for value in baseline], baseline, reach)


class TestRatio:
    def test_what_slows_both_sides_of_a_round_is_not_in_it(self) -> None:
        ratio = compared(0.5, None, [100.0, 10.0, 1_000.0, 55.0]).ratio

        assert ratio.low == pytest.approx(0.5)
        assert ratio.point == pytest.approx(0.5)
        assert ratio.high == pytest.approx(0.5)

    def test_rounds_that_differ_widen_it(self) -> None:
        ratio = Comparison("a / b", "1/s", [50, 80, 60, 40], [100, 100, 100, 100]).ratio

        assert ratio.low < ratio.point < ratio.high
        assert 0.4 <= ratio.low <= 0.5
        assert 0.6 <= ratio.high <= 0.8

    @pytest.mark.parametrize(
        ("shop", "baseline"), [([], []), ([1.0], [1.0, 2.0]), ([1.0, 0.0], [1.0, 1.0])]
    )
    def test_values_that_say_nothing_are_an_error(
        self, shop: list[float], baseline: list[float]
    ) -> None:
        with pytest.raises(BenchBroke):
            _ = Comparison("a / b", "1/s", shop, baseline).ratio


class TestReach:
    @pytest.mark.parametrize(
        ("times", "reach", "reached", "sure"),
        [
            (0.7, Reach(at_least=0.6), True, True),
            (0.5, Reach(at_least=0.6), False, True),
            (1.6, Reach(at_most=1.5), False, True),
            (1.0, None, None, False),
        ],
    )
    def test_a_ratio(
        self, times: float, reach: Reach | None, reached: bool | None, sure: bool
    ) -> None:
        found = compared(times, reach)

        assert is_reached(found) is reached
        assert is_sure(found) is sure

    def test_an_interval_over_the_bound_leaves_it_open(self) -> None:
        found = Comparison("a / b", "1/s", [50, 80, 70, 55], [100] * 4, Reach(at_least=0.6))

        assert is_reached(found)
        assert not is_sure(found)

    def test_one_round_is_never_sure(self) -> None:
        found = Comparison("a / b", "1/s", [90], [100], Reach(at_least=0.6))

        assert is_reached(found)
        assert not is_sure(found)

    def test_a_figure_is_judged_by_its_median(self) -> None:
        figure = Figure("ready", "s", [3.0, 3.2, 9.0, 3.1, 3.3], Reach(at_most=6))

        assert figure.interval.point == 3.2
        assert is_reached(figure)


def grown(mib_a_round: float, swing: Callable[[float], float]) -> Growth:
    """Four rounds after the first one, measured ten times in each."""
    done = [1 + number / 10 for number in range(41)]
    values = [130 + mib_a_round * rounds + swing(rounds) for rounds in done]
    return Growth("growth by 10,000 orders", "MiB", 4, done, values, Reach(at_most=0.5))


def noise(rounds: float) -> float:
    return Random(rounds).uniform(-1, 1)


def garbage(rounds: float) -> float:
    """Gathers, and is collected three times a round."""
    return 2 * (rounds * 3.3 % 1)


class TestGrowth:
    @pytest.mark.parametrize("swing", [noise, garbage])
    def test_what_only_goes_up_and_down_does_not_grow(
        self, swing: Callable[[float], float]
    ) -> None:
        assert is_reached(grown(0.0, swing))
        assert is_sure(grown(0.0, swing))

    @pytest.mark.parametrize("swing", [noise, garbage])
    def test_a_leak_shows_in_what_goes_up_and_down(self, swing: Callable[[float], float]) -> None:
        assert is_reached(grown(1.2, swing)) is False
        assert is_sure(grown(1.2, swing))

    @pytest.mark.parametrize("since", [2.0, 3.0, 4.0])
    def test_a_step_that_stays_shows_wherever_it_was(self, since: float) -> None:
        assert is_reached(grown(0.0, lambda rounds: 20.0 * (rounds >= since))) is False

    def test_a_leak_that_begins_late_shows(self) -> None:
        assert is_reached(grown(0.0, lambda rounds: 8 * max(0.0, rounds - 4))) is False

    def test_growth_at_the_bound_is_open(self) -> None:
        assert not is_sure(grown(0.5, noise))

    def test_one_round_beside_the_first_is_never_sure(self) -> None:
        ten = [1 + number / 10 for number in range(11)]
        assert not is_sure(Growth("growth", "MiB", 1, ten, [130.0] * 11, Reach(at_most=0.5)))

    @pytest.mark.parametrize(("done", "values"), [([1, 2], [1, 1]), ([1.0] * 12, [1.0] * 11)])
    def test_values_that_say_nothing_are_an_error(
        self, done: list[float], values: list[float]
    ) -> None:
        with pytest.raises(BenchBroke, match="too few"):
            _ = Growth("growth", "MiB", 4, done, values).interval


@dataclass(frozen=True)
class MadeUp:
    """A bench that has measured already."""

    result: Result
    name: str = "made-up"
    question: str = "is it?"

    def run(self, rounds: int | None, show: Show) -> Result:
        show(f"{rounds} rounds")
        return self.result


def carried_out(
    result: Result, *names: str, as_json: bool = False, width: int = 160
) -> tuple[int, str]:
    benches: dict[str, Bench] = {"made-up": MadeUp(result)}
    out = Console(file=io.StringIO(), width=width)
    notes = Console(file=io.StringIO())
    code = bench(names, 3, as_json, notes, benches=benches, out=out)
    assert isinstance(out.file, io.StringIO)
    return code, out.file.getvalue()


class TestCommand:
    def test_all_reached_is_0(self) -> None:
        code, shown = carried_out(Result([compared(0.7, Reach(at_least=0.6))]))

        assert code == REACHED
        assert "0.70" in shown
        assert "surely yes" in shown

    def test_one_that_is_not_is_1(self) -> None:
        findings = [compared(0.7, Reach(at_least=0.6)), compared(2.0, Reach(at_least=2.5))]

        code, shown = carried_out(Result(findings), "made-up")

        assert code == NOT_REACHED
        assert "surely no" in shown

    def test_what_is_only_reported_fails_nothing(self) -> None:
        code, _ = carried_out(Result([compared(0.1, None)], [Figure("f", "s", [1.0])]))

        assert code == REACHED

    def test_nothing_is_cut_short_where_there_is_little_room(self) -> None:
        _, shown = carried_out(Result([compared(0.7, Reach(at_least=0.6))]), width=80)

        assert "0.70" in shown
        assert "0.70 to 0.70" in shown
        assert "\N{HORIZONTAL ELLIPSIS}" not in shown

    def test_a_document_for_programs(self) -> None:
        result = Result(
            [compared(0.5, Reach(at_least=0.6))],
            [Figure("ready", "s", [3, 4], Reach(at_most=6))],
            [grown(0.0, garbage)],
        )

        code, shown = carried_out(result, as_json=True)

        document: dict[str, Any] = json.loads(shown)
        (comparison,) = document["benches"]["made-up"]["comparisons"]
        (figure,) = document["benches"]["made-up"]["figures"]
        assert (code, document["reached"]) == (NOT_REACHED, False)
        assert comparison["ratio"]["point"] == pytest.approx(0.5)
        assert comparison["baseline"] == STEADY
        assert figure["reached"] is True
        (growth,) = document["benches"]["made-up"]["growths"]
        assert growth["growth"]["low"] <= growth["growth"]["point"] <= growth["growth"]["high"]
        assert len(growth["done"]) == len(growth["values"])
        assert growth["rounds"] == 4

    def test_an_unknown_name_is_refused(self) -> None:
        with pytest.raises(BenchBroke, match="made-up"):
            carried_out(Result(), "misspelt")


def test_contenders_take_turns() -> None:
    assert ["".join(order) for order in in_turns("AB", 5)] == ["AB", "BA", "BA", "AB", "AB"]


def test_every_bench_has_a_name_and_a_question() -> None:
    assert all(bench.name == name and bench.question for name, bench in BENCHES.items())
