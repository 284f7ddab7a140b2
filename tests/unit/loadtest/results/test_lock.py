"""A stack has one run at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.results.lock import StackHeld, held, lock_file

URL = "http://127.0.0.1:8000"
#: Holds the stack, says so, and waits until it is ended.
_HOLDER = """
import sys
from pathlib import Path
from loadtest.results.lock import held
with held(sys.argv[1], folder=Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_refuses_a_second_run_and_names_the_first(tmp_path: Path) -> None:
    with held(URL, folder=tmp_path):
        with pytest.raises(StackHeld) as caught, held(URL, folder=tmp_path):
            pytest.fail("held twice")
        assert f"process {os.getpid()}" in str(caught.value)
        assert "\n" not in str(caught.value)
    with held(URL, folder=tmp_path):
        pass


def test_a_run_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, URL, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[4],
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StackHeld, match=f"process {holder.pid}"), held(URL, folder=tmp_path):
            pytest.fail("held twice")
        holder.kill()
        holder.wait(10)
    with held(URL, folder=tmp_path):
        pass


def test_other_stacks_are_free(tmp_path: Path) -> None:
    with (
        held(URL, folder=tmp_path),
        held("http://127.0.0.1:8001", folder=tmp_path),
        held("local", folder=tmp_path),
        held("containers", folder=tmp_path),
    ):
        assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize(
    "spelling",
    ["http://localhost:8000", "http://127.0.0.1:8000/", "http://user:pass@LOCALHOST:8000"],
)
def test_every_spelling_of_a_url_is_the_same_stack(spelling: str) -> None:
    assert lock_file(spelling) == lock_file(URL)


def test_a_folder_that_takes_no_files_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StackHeld, match="cannot hold"), held(URL, folder=tmp_path / "missing"):
        pytest.fail("held")
