"""How the command ends, by what happened."""

import pytest
import typer

from loadtest.__main__ import BROKE, _exit_by
from loadtest.running.targets import Refused


def ending(work: object) -> int:
    with pytest.raises(typer.Exit) as ended:
        _exit_by(work)  # type: ignore[arg-type]
    return ended.value.exit_code


def failing_with(error: BaseException) -> object:
    def fail() -> int:
        raise error

    return fail


@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_verdict_is_the_exit_code(code: int) -> None:
    assert ending(lambda: code) == code


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Refused("no shop\nits log"), "no shop\n"),
        (Refused(), "Refused\n"),
        (KeyboardInterrupt(), "interrupted: all is ended\n"),
    ],
)
def test_what_was_foreseen_is_one_line(
    capsys: pytest.CaptureFixture[str], error: BaseException, said: str
) -> None:
    assert ending(failing_with(error)) == BROKE
    assert capsys.readouterr().err == said


def test_what_was_not_foreseen_is_no_fail(capsys: pytest.CaptureFixture[str]) -> None:
    assert ending(failing_with(ZeroDivisionError("by nothing"))) == BROKE

    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.splitlines()[-1] == "the lab broke: ZeroDivisionError: by nothing"
