"""What a drill shows, and how the command ends."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import typer
from typer.testing import CliRunner
from typer.testing import Result as Ended

from testing.drills import __main__ as command
from testing.drills.drill import Figure, Result
from testing.drills.registry import DRILLS, Entry
from testing.faults import FaultDidNotTakeHold
from testing.stack import StackFailed

PROMISED = Figure("kept soon", [0.5, 1.0, 3.0], at_most=3.0)
BROKEN = Figure("kept at once", [0.1, 3.1], at_most=3.0)
NEVER_MEASURED = Figure("never measured", [], at_most=3.0)
COUNTED = Figure("none", [0, 0], at_most=0, unit="")

Run = Callable[..., Result]


class TestFigure:
    def test_it_is_kept_when_no_value_is_above(self) -> None:
        assert PROMISED.is_kept
        assert COUNTED.is_kept

    def test_one_value_above_breaks_it(self) -> None:
        assert not BROKEN.is_kept

    def test_what_was_not_measured_is_not_kept(self) -> None:
        assert not NEVER_MEASURED.is_kept
        assert NEVER_MEASURED.median is None
        assert NEVER_MEASURED.worst is None

    def test_median_and_worst(self) -> None:
        assert (PROMISED.median, PROMISED.worst) == (1.0, 3.0)

    def test_a_drill_keeps_its_promises_when_all_are(self) -> None:
        assert Result([PROMISED, COUNTED]).is_kept
        assert not Result([PROMISED, BROKEN]).is_kept


class TestCommand:
    @pytest.fixture
    def drills(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Run], None]:
        """Puts a drill of this test in the place of all."""
        monkeypatch.setattr(command, "DRILLS", known := dict[str, Entry]())

        def add(name: str, run: Run) -> None:
            module = ModuleType(f"drill_{name}")
            module.run = run  # type: ignore[attr-defined]
            monkeypatch.setitem(sys.modules, module.__name__, module)
            known[name] = Entry(module.__name__, times=7)

        return add

    @pytest.fixture
    def out(self, tmp_path: Path) -> Path:
        return tmp_path / "run"

    @pytest.fixture
    def end(self, out: Path) -> Callable[..., Ended]:
        app = typer.Typer()
        app.command()(command.drills)

        def end(*arguments: str) -> Ended:
            return CliRunner().invoke(app, [*arguments, "--out", str(out), "--seed", "5"])

        return end

    def test_all_promises_kept(
        self, drills: Callable[[str, Run], None], end: Callable[..., Ended], out: Path
    ) -> None:
        drills("first", lambda *_, **__: Result([PROMISED], ["a remark"]))
        drills("second", lambda *_, **__: Result([COUNTED]))

        ended = end()

        assert ended.exit_code == 0
        assert "kept soon" in ended.stdout
        assert "a remark" in ended.stderr
        report = json.loads((out / "drills.json").read_text())
        assert report["kept"] is True
        assert report["broke"] is None
        assert report["seed"] == 5
        assert list(report["drills"]) == ["first", "second"]
        (figure,) = report["drills"]["first"]["figures"]
        assert figure == {
            "promise": "kept soon",
            "unit": "s",
            "at_most": 3.0,
            "values": [0.5, 1.0, 3.0],
            "median": 1.0,
            "worst": 3.0,
            "kept": True,
        }

    @pytest.mark.parametrize("figure", [BROKEN, NEVER_MEASURED])
    def test_one_broken(
        self, figure: Figure, drills: Callable[[str, Run], None], end: Callable[..., Ended]
    ) -> None:
        drills("good", lambda *_, **__: Result([PROMISED]))
        drills("bad", lambda *_, **__: Result([PROMISED, figure]))

        ended = end()

        assert ended.exit_code == 1
        assert "broken" in ended.stdout
        assert "-m testing.drills --seed 5" in ended.stderr

    def test_only_those_that_are_named_each_with_a_folder(
        self, drills: Callable[[str, Run], None], end: Callable[..., Ended], out: Path
    ) -> None:
        asked: list[tuple[Path, int, int]] = []

        def run(folder: Path, *, times: int, seed: int, on_progress: object) -> Result:
            assert folder.is_dir()
            asked.append((folder, times, seed))
            return Result([PROMISED])

        drills("wanted", run)
        drills("other", lambda *_, **__: pytest.fail("was not asked for"))

        assert end("wanted").exit_code == 0
        assert asked == [(out / "wanted", 7, 5)]

    def test_so_many_times(
        self, drills: Callable[[str, Run], None], end: Callable[..., Ended]
    ) -> None:
        asked: list[int] = []

        def run(_: Path, *, times: int, **__: object) -> Result:
            asked.append(times)
            return Result([PROMISED])

        drills("one", run)

        assert end("--times", "2").exit_code == 0
        assert asked == [2]

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (StackFailed("no such port\nand a long log"), "StackFailed: no such port"),
            (FaultDidNotTakeHold("Redis answers"), "FaultDidNotTakeHold: Redis answers"),
            (KeyboardInterrupt(), "interrupted"),
        ],
        ids=["stack", "fault", "interrupted"],
    )
    def test_the_harness_broke(
        self,
        error: BaseException,
        said: str,
        drills: Callable[[str, Run], None],
        end: Callable[..., Ended],
        out: Path,
    ) -> None:
        def break_down(*_: object, **__: object) -> Result:
            raise error

        drills("measured", lambda *_, **__: Result([PROMISED]))
        drills("breaks", break_down)

        ended = end()

        assert ended.exit_code == 2
        assert said in ended.stderr
        assert "a long log" not in ended.stderr
        report = json.loads((out / "drills.json").read_text())
        assert report["kept"] is False
        assert said in report["broke"]
        assert list(report["drills"]) == ["measured"]

    def test_an_unknown_name(
        self, drills: Callable[[str, Run], None], end: Callable[..., Ended], out: Path
    ) -> None:
        drills("known", lambda *_, **__: pytest.fail("was run"))

        ended = end("known", "unknown")

        assert ended.exit_code == 2
        assert ended.stderr == "no such drill: unknown; there are known\n"
        assert not out.exists()

    def test_a_folder_that_is_there_is_left_alone(
        self, drills: Callable[[str, Run], None], end: Callable[..., Ended], out: Path
    ) -> None:
        drills("known", lambda *_, **__: pytest.fail("was run"))
        out.mkdir()

        ended = end()

        assert ended.exit_code == 2
        assert "File exists" in ended.stderr
        assert list(out.iterdir()) == []


@pytest.mark.parametrize("name", DRILLS)
def test_every_drill_can_be_loaded(name: str) -> None:
    assert callable(DRILLS[name].load())
