"""What is printed for people, with nobody there to read it."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from testing.terminal import to_stderr, to_stdout
for number in range(2_000):
    {console}().print("a verdict", number)
sys.exit(3)
"""


@pytest.mark.parametrize(("console", "stream"), [("to_stdout", "stdout"), ("to_stderr", "stderr")])
def test_an_exit_code_does_not_depend_on_a_reader(console: str, stream: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(console=console)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    read = getattr(process, stream)
    read.close()
    setattr(process, stream, None)

    other, unread = process.communicate(timeout=60)

    assert process.returncode == 3
    assert (other, unread) in ((b"", None), (None, b""))
