"""A seller whose name invoices cannot say: nothing starts, and the letters are named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shop.adapters.pdf.printable import unprintable
from tests.conftest import MakeSettings
from tests.unit.adapters.pdf.invoices import HOSTILE, SCRIPTS

ROOT = Path(__file__).parents[4]
COMMANDS = {
    "up": ("-c", "from shop.cli import main; main()", "up"),
    "workers": ("-c", "from shop.cli import main; main()", "workers"),
    "worker": ("-m", "celery", "--quiet", "-A", "shop.worker", "worker", "-Q", "default"),
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_name_in_each_script_can_be_written(script: str, make_settings: MakeSettings) -> None:
    for name in SCRIPTS[script]:
        assert unprintable(make_settings(SELLER_NAME=name)) == []


def test_every_letter_is_named_once(make_settings: MakeSettings) -> None:
    settings = make_settings(
        SELLER_NAME="Nile \U00013000\U00013000\U00013001", SELLER_ADDRESS="Ur|\U00012000"
    )
    assert unprintable(settings) == [
        (
            "SELLER_NAME: no font of the invoices has \U00013000 (EGYPTIAN HIEROGLYPH A001),"
            " \U00013001 (EGYPTIAN HIEROGLYPH A002); write it in others"
        ),
        (
            "SELLER_ADDRESS: no font of the invoices has \U00012000 (CUNEIFORM SIGN A);"
            " write it in others"
        ),
    ]


def test_of_many_only_some_are_named(make_settings: MakeSettings) -> None:
    (line,) = unprintable(make_settings(SELLER_NAME="".join(map(chr, range(0x13000, 0x13100)))))
    assert line.count("HIEROGLYPH") == 5
    assert line.endswith(", ...; write it in others")


@pytest.mark.parametrize("name", ["joiners without end", "combined", "invisible"])
def test_what_invoices_leave_out_is_no_reason(name: str, make_settings: MakeSettings) -> None:
    text = HOSTILE.get(name, "Zoe\u0308 И\u0306")
    assert unprintable(make_settings(SELLER_NAME=text)) == []


@pytest.mark.parametrize("process", COMMANDS)
def test_it_is_refused_at_start_in_a_line(
    process: str, tmp_path: Path, make_settings: MakeSettings
) -> None:
    make_settings()  # keeps out the environment of whoever runs the tests
    done = subprocess.run(
        [sys.executable, *COMMANDS[process]],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))),
            "SELLER_NAME": "Nile \U00013000",
            "PYTHONIOENCODING": "utf-8",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("shop: SELLER_NAME: no font of the invoices has \U00013000 (EGYPTIAN")
