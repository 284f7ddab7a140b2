"""From what was judged to a finding, a table and an exit code; no shop is started here."""

import io
import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from rich.console import Console
from typer import Typer
from typer.testing import CliRunner

from shop.local.service import Service
from testing.chaos.plan import QUICK
from testing.checkers import Check, Judgement, Verdict
from testing.faults import FaultDidNotTakeHold
from testing.history import HistoryWriter
from testing.sabotage import __main__ as command
from testing.sabotage import trial
from testing.sabotage.registry import SABOTAGES
from testing.sabotage.report import Row, exit_code, summary
from testing.sabotage.sabotage import SOUND, Change, Sabotage
from testing.sabotage.scene import SabotageStack, Scene, Script
from testing.sabotage.trial import Finding, Played, Trial
from testing.stack import API, BEAT, REDIS, StackFailed
from tests.unit.testing.made_up import MadeUpRun

#: For a scene that only draws.
NO_STACK = cast(SabotageStack, None)
SWEEP_OFF = SABOTAGES["sweep-off"]


def good() -> Judgement:
    run = MadeUpRun(SKU_1=10)
    run.place("1")
    return run.judged()


def with_a_loss() -> Judgement:
    run = MadeUpRun(SKU_1=10)
    run.place("1")
    run.undo("1")
    return run.judged()


def with_an_oversell() -> Judgement:
    run = MadeUpRun(SKU_1=1)
    run.send("1")
    run.work_on("1", in_stock=True)
    return run.judged()


def doubtful() -> Judgement:
    return MadeUpRun(SKU_1=10).judged()


def a_trial(
    broken: Judgement, sound: Judgement | None = None, sabotage: Sabotage = SWEEP_OFF
) -> Trial:
    def played(judgement: Judgement) -> Played:
        return Played(judgement, 1.0, Path())

    return Trial(sabotage, played(sound or good()), played(broken), 12.0)


def test_the_named_checker_has_to_be_red() -> None:
    assert a_trial(with_a_loss()).finding is Finding.NOTICED
    assert a_trial(good()).finding is Finding.MISSED
    # Invalid, but by another checker.
    assert with_an_oversell().verdict is Verdict.INVALID
    assert a_trial(with_an_oversell()).finding is Finding.MISSED


@pytest.mark.parametrize("sound", [with_a_loss, doubtful])
def test_the_sound_shop_has_to_be_green(sound: Callable[[], Judgement]) -> None:
    assert a_trial(with_a_loss(), sound()).finding is Finding.CONTROL_FAILED


def test_the_exit_code() -> None:
    noticed, missed = Row(SWEEP_OFF, a_trial(with_a_loss())), Row(SWEEP_OFF, a_trial(good()))
    uncontrolled = Row(SWEEP_OFF, a_trial(with_a_loss(), doubtful()))
    broke = Row(SWEEP_OFF, error="StackFailed: no port")

    assert exit_code([noticed, noticed]) == 0
    assert exit_code([noticed, missed]) == 1
    assert exit_code([noticed, broke]) == 2
    assert exit_code([uncontrolled]) == 2
    # A hole is a hole, whatever else went wrong.
    assert exit_code([broke, missed]) == 1


def test_the_table_says_what_was_found() -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=160)
    rows = [
        Row(SWEEP_OFF, a_trial(with_a_loss())),
        Row(SABOTAGES["watchdog-off"], a_trial(with_an_oversell())),
        Row(SABOTAGES["no-append-only-file"], error="StackFailed: no port"),
    ]
    console.print(summary(rows))
    said = screen.getvalue()

    for words in ("sweep-off", "lost 1", "noticed", "12 s"):
        assert words in said
    assert "oversold 1" in said
    assert "stayed green" in said
    assert "the harness broke" in said


def test_it_says_why_nothing_was_shown() -> None:
    assert Row(SWEEP_OFF, error="no port").reasons == ["no port"]
    assert Row(SWEEP_OFF, a_trial(with_a_loss(), doubtful())).reasons == doubtful().reasons
    assert Row(SWEEP_OFF, a_trial(with_a_loss())).reasons == []


# --- What is started, and what is sent ---


def test_only_what_is_sabotaged_is_altered() -> None:
    api, beat, redis = (
        Service(name, (sys.executable, "-m", "module")) for name in (API, BEAT, REDIS)
    )
    patched = Change(patch="some-patch")

    assert "some-patch" in trial._altered(patched, api).argv
    assert trial._altered(patched, beat) == beat
    assert trial._altered(patched, redis) == redis
    assert trial._altered(SOUND, api) == api


@pytest.fixture
def history(tmp_path: Path) -> Iterator[HistoryWriter]:
    with HistoryWriter(tmp_path / "history.jsonl") as history:
        yield history


def test_a_seed_draws_the_same_orders_again(history: HistoryWriter) -> None:
    def drawn(seed: str) -> list[object]:
        with Scene(NO_STACK, history, seed) as scene:
            orders = scene.some_of(["A", "B", "C"], 20)
            return [*orders, *scene.shuffled(orders)]

    assert drawn("7 sweep-off") == drawn("7 sweep-off")
    assert drawn("7 sweep-off") != drawn("8 sweep-off")


def test_every_order_is_another_one(history: HistoryWriter) -> None:
    with Scene(NO_STACK, history, "7") as scene:
        orders = [*scene.orders("A", "A", qty=1), *scene.some_of(["A"], 3)]

    assert len({order.subject for order in orders}) == 5
    assert [order.payload["qty"] for order in orders[:2]] == [1, 1]


def test_a_script_is_what_is_sent(history: HistoryWriter) -> None:
    with Scene(NO_STACK, history, "7") as scene:
        orders = scene.orders("A", "B")
    arrivals = list(Script(7, QUICK, orders).arrivals())

    assert [arrival.sends for arrival in arrivals] == [[order] for order in orders]
    assert {arrival.gap_s for arrival in arrivals} == {0.0}


def test_a_sabotage_is_found_by_its_name_and_expects_its_faults() -> None:
    for name, sabotage in SABOTAGES.items():
        assert sabotage.name == name
        assert sabotage.check in Check
        assert sabotage.change != SOUND
        assert sabotage.scenario.stock


# --- The command ---


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    app = Typer()
    app.command()(command.sabotage)
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def invoke(outcome: Trial | BaseException, *arguments: str) -> tuple[int, str]:
        def run_trial(*_: object) -> Trial:
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        monkeypatch.setattr(command, "run_trial", run_trial)
        given = [*arguments, "--seed", "7", "--out", str(tmp_path / "out")]
        result = CliRunner().invoke(app, given, env={"COLUMNS": "200"})
        return result.exit_code, result.output

    return invoke


def test_the_command_succeeds_when_all_was_noticed(
    run: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    code, output = run(a_trial(with_a_loss()), "sweep-off")

    assert code == 0
    assert "run it again" not in output
    verdict = json.loads((tmp_path / "out" / "verdict.json").read_text())
    assert verdict["seed"] == 7
    assert [row["finding"] for row in verdict["sabotages"]] == ["noticed"]


def test_the_command_runs_all_without_a_name(run: Callable[..., tuple[int, str]]) -> None:
    _, output = run(a_trial(with_a_loss()))

    assert [name for name in SABOTAGES if f"{name}: noticed" not in output] == []


def test_the_command_fails_when_one_stayed_green(run: Callable[..., tuple[int, str]]) -> None:
    code, output = run(a_trial(good()), "sweep-off", "watchdog-off")

    assert code == 1
    assert "-m testing.sabotage sweep-off watchdog-off --seed 7" in output


@pytest.mark.parametrize(
    "error", [StackFailed("no port"), FaultDidNotTakeHold("it lives"), KeyboardInterrupt()]
)
def test_the_command_tells_a_broken_harness_from_a_hole(
    error: BaseException, run: Callable[..., tuple[int, str]]
) -> None:
    code, output = run(error, "sweep-off")

    assert code == 2
    assert "--seed 7" in output
    assert str(error) in output


def test_the_command_knows_its_sabotages(run: Callable[..., tuple[int, str]]) -> None:
    code, output = run(a_trial(good()), "sweep-of")

    assert code == 2
    assert "sweep-of is none of" in output
