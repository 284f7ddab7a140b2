"""`python -m loadtest bench`: what goes where, and the exit code."""

import json
from functools import partial

import pytest
from typer.testing import CliRunner

from loadtest.__main__ import app
from loadtest.bench import running
from loadtest.bench.bench import BenchBroke, Reach, Result, Show
from tests.unit.loadtest.bench.test_bench import MadeUp, compared


class Broken:
    """A bench that ends in an error."""

    name = "made-up"
    question = "is it?"

    def __init__(self, error: Exception) -> None:
        self._error = error

    def run(self, rounds: int | None, show: Show) -> Result:
        raise self._error


def with_bench(monkeypatch: pytest.MonkeyPatch, bench: MadeUp | Broken) -> None:
    monkeypatch.setattr(running, "bench", partial(running.bench, benches={"made-up": bench}))


@pytest.mark.parametrize(("times", "code"), [(0.7, 0), (0.5, 1)])
def test_the_document_alone_is_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, times: float, code: int
) -> None:
    with_bench(monkeypatch, MadeUp(Result([compared(times, Reach(at_least=0.6))])))

    ended = CliRunner().invoke(app, ["bench", "made-up", "--json"])

    assert ended.exit_code == code
    assert json.loads(ended.stdout)["reached"] is (code == 0)
    assert "is it?" in ended.stderr


@pytest.mark.parametrize("error", [BenchBroke("no shop"), RuntimeError("nobody foresaw it")])
def test_a_bench_that_broke_is_no_answer(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    with_bench(monkeypatch, Broken(error))

    ended = CliRunner().invoke(app, ["bench", "--json"])

    assert (ended.exit_code, ended.stdout) == (2, "")
    assert str(error) in ended.stderr


def test_an_unknown_name_is_no_answer_either() -> None:
    ended = CliRunner().invoke(app, ["bench", "speed", "--json"])

    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "there is no bench speed; there are intake" in ended.stderr
