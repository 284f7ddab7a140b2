"""The README's first command, in a folder that has only what the repository has."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psutil
import pypdf
import pytest

from testing.stacks.ports import stable_port
from testing.waiting import wait_for
from tests.docs.conftest import UNHURRIED
from tests.docs.markdown import README, REPOSITORY, read
from tests.docs.reader import Reader, clean_environment, steps

DOCUMENT = read(README)
#: Most of it installs; who has no cache of the packages waits for the network.
UP_WITHIN_S = 300.0
STOPPED_WITHIN_S = 10.0
#: A variable that each process hands down, so that none gets lost.
MARK = "SHOP_QUICK_START_TEST"


@pytest.fixture
def clone() -> Iterator[Path]:
    """A copy of the files that git knows or would take; gone afterwards, for it gets large."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("no git repository: nobody knows which files a clone would have")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    with tempfile.TemporaryDirectory(prefix="shop-clone-") as folder:
        for name in filter(None, listed.split("\0")):
            # Deleted files are listed until that is committed.
            if (REPOSITORY / name).is_file():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(REPOSITORY / name, Path(folder) / name)
        yield Path(folder)


def marked(mark: str) -> list[psutil.Process]:
    """The processes that carry it, whoever their parents are by now."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == mark:
                found.append(process)
    return found


@pytest.fixture
def mark() -> Iterator[str]:
    """For one run; whatever carries it does not outlive the test."""
    mark = uuid4().hex
    yield mark
    for process in marked(mark):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def test_make_local_runs_the_shop_and_ctrl_c_stops_it(clone: Path, mark: str) -> None:
    (quick_start, *_), place_an_order = (
        [block for block in DOCUMENT.blocks if DOCUMENT.headings[block.section].text == heading]
        for heading in ("Quick start", "Place an order")
    )
    (command,) = quick_start.lines
    api, flower, redis = stable_port(), stable_port(), stable_port()
    ports = f"--api-port {api} --flower-port {flower} --redis-port {redis}"
    environment = {**clean_environment(), **UNHURRIED, MARK: mark}
    log = clone / "make.log"

    with log.open("wb") as out:
        make = subprocess.Popen(
            [*command.split(), f"ARGS={ports}"],
            cwd=clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            # A group of its own, as a terminal gives each command.
            start_new_session=True,
        )
    _wait_until_up(make, log)

    places = {"localhost:8000": f"localhost:{api}", ".venv/bin/": f"{clone}/.venv/bin/"}
    reader = Reader(clone, places, environment)
    for block in place_an_order:
        for step in steps(block):
            reader.do(step)
    assert "SKU-1" in pypdf.PdfReader(clone / "invoice-1001.pdf").pages[0].extract_text()
    assert f"http://127.0.0.1:{flower}" in log.read_text()
    assert (clone / ".local").is_dir()
    # All six services, and who looks after them.
    assert len(marked(mark)) > 6

    os.killpg(make.pid, signal.SIGINT)  # what Ctrl-C does
    try:
        make.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        pytest.fail(f"not stopped within {STOPPED_WITHIN_S} s:\n{log.read_text()}")

    assert [process.cmdline() for process in marked(mark)] == []
    assert "all stopped after" in log.read_text()
    assert "killed" not in log.read_text()


def _wait_until_up(make: "subprocess.Popen[bytes]", log: Path) -> None:
    def is_up() -> bool:
        # Once it has ended it will not come up any more.
        return make.poll() is not None or "ShopTaskManager is up" in log.read_text()

    wait_for("the shop is up", is_up, within_s=UP_WITHIN_S, explain=log.read_text)
    assert make.poll() is None, log.read_text()
