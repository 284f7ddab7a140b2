"""Claims are shown by commands, which end before what began them does."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from loadtest import claims
from loadtest.claims import CLAIMS, Claim, verify
from loadtest.running.targets import Refused


@pytest.fixture
def notes() -> Console:
    return Console(file=StringIO())


def claim(name: str, *, minutes: int = 1, module: str = "this") -> Claim:
    return Claim(name, f"{name} holds", (module,), minutes, "none", "nothing")


def test_names_differ() -> None:
    assert len({one.name for one in CLAIMS}) == len(CLAIMS)


@pytest.mark.parametrize(
    ("names", "code"),
    [(["good"], 0), (["bad"], 1), (["good", "bad"], 1), ([], 0)],
    ids=["one that holds", "one that does not", "both", "all that are quick"],
)
def test_the_exit_code_says_whether_all_hold(
    monkeypatch: pytest.MonkeyPatch, notes: Console, names: list[str], code: int
) -> None:
    made_up = (claim("good"), claim("bad", minutes=11, module="no_such_module"))
    monkeypatch.setattr(claims, "CLAIMS", made_up)

    assert verify(names, notes) == code


def test_an_unknown_claim_is_refused(notes: Console) -> None:
    with pytest.raises(Refused, match="no claim nothing"):
        verify(["nothing"], notes)


def test_when_it_is_interrupted_the_command_ends_first(
    monkeypatch: pytest.MonkeyPatch, notes: Console, tmp_path: Path
) -> None:
    tidied = tmp_path / "tidied"
    (tmp_path / "endless.py").write_text(
        "import os, pathlib, signal, time\n"
        "try:\n"
        "    os.kill(os.getppid(), signal.SIGINT)\n"
        "    while True:\n"
        "        time.sleep(0.01)\n"
        "except KeyboardInterrupt:\n"
        "    time.sleep(0.5)  # longer than `subprocess.run` would leave it\n"
        f"    pathlib.Path({str(tidied)!r}).touch()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(claims, "CLAIMS", (claim("endless", module="endless"),))

    with pytest.raises(KeyboardInterrupt):
        verify([], notes)

    assert tidied.exists()
