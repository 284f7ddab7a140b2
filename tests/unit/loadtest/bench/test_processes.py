"""Programs that a bench starts, with small ones in their place."""

import os
import sys
import time
from pathlib import Path

import pytest

from loadtest.bench.bench import BenchBroke
from loadtest.bench.processes import Process, Program

ECHO = """
import sys
print("ready", flush=True)
for line in sys.stdin:
    print("got " + line.strip(), flush=True)
"""


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() if sys.platform == "linux" else _signals(pid)


def _signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_line_is_answered_by_a_line() -> None:
    with Program(python(ECHO)) as program:
        assert [program.ask("one"), program.ask("two")] == ["got one", "got two"]


def test_it_ends_with_its_block() -> None:
    with Program(python(ECHO)) as program:
        pid = program.pid
        assert lives(pid)

    assert not lives(pid)


def test_it_ends_when_the_block_fails() -> None:
    program = Program(python(ECHO))
    pids = []

    def use() -> None:
        with program:
            pids.append(program.pid)
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        use()

    assert not lives(pids[0])


def test_what_it_said_last_is_the_reason_when_it_ends_early() -> None:
    code = "import sys; sys.exit('no such port')"

    with pytest.raises(BenchBroke, match=r"exit code 1.*no such port"), Program(python(code)):
        pytest.fail("it was not noticed")


def test_another_first_line_is_refused() -> None:
    with pytest.raises(BenchBroke, match="said 'hello'"), Program(python("print('hello')")):
        pytest.fail("it was not noticed")


def test_an_answer_is_waited_for_no_longer_than_that() -> None:
    code = "import time; print('ready', flush=True); time.sleep(60)"
    began_s = time.monotonic()

    with Program(python(code)) as program, pytest.raises(BenchBroke, match=r"within 0\.2 s"):
        program.ask("anything", within_s=0.2)

    assert time.monotonic() - began_s < 10


def test_one_that_is_held_does_nothing_until_it_is_let_go() -> None:
    with Program(python(ECHO)) as program:
        program.pause()
        program.tell("held")
        with pytest.raises(BenchBroke, match="did not answer"):
            program.answer(within_s=0.3)
        program.resume()
        assert program.answer(within_s=10) == "got held"


def test_it_is_ready_when_it_says_so(tmp_path: Path) -> None:
    file = tmp_path / "ready"
    code = f"import pathlib, time; pathlib.Path({str(file)!r}).touch(); time.sleep(60)"

    with Process(python(code), is_ready=file.exists) as process:
        assert file.exists()
        process.require_running()
