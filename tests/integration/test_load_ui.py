"""`python -m loadtest ui` in a real browser: from the form to a verdict so far, and to its end."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from testing.stacks.ports import stable_port
from testing.waiting import wait_for
from tests.integration.chromium import Tab, chromium_problem, running_chromium

ROOT = Path(__file__).parents[2]
#: A stack and two browsers' worth of start on a busy machine.
STARTS_WITHIN_S = 120.0
ENDS_WITHIN_S = 20.0
SHOWS_WITHIN_S = 30.0
PICKED = ("OrderFlood", "NotificationProbes")
START = "[...document.querySelectorAll('form button')].find(b => b.type === 'submit')"


@dataclass
class Served:
    """The command as a process of its own, with everything that it started."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def interrupt(self) -> int:
        """As Ctrl-C does; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(ENDS_WITHIN_S)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """With a shop that is raised for it."""
    port, log = stable_port(), tmp_path / "ui.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*(sys.executable, "-m", "loadtest", "ui"), "--host", "local", "--port", str(port)],
            cwd=ROOT,
            # Its lock is not that of a run which somebody else has under way.
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    served = Served(process, port, log)
    try:
        wait_for(
            "the page is served",
            lambda: "Ctrl-C ends it" in served.said() or process.poll() is not None,
            within_s=STARTS_WITHIN_S,
            explain=served.said,
        )
        assert process.poll() is None, served.said()
        yield served
    finally:
        if process.poll() is None:
            # Its guards end what it started.
            process.kill()
            process.wait()


@pytest.fixture
def tab() -> Iterator[Tab]:
    if (problem := chromium_problem()) is not None:
        pytest.skip(problem)
    with running_chromium() as tab:
        yield tab


def test_a_scenario_from_the_form_to_the_verdict_so_far(tab: Tab, served: Served) -> None:
    family = served.family()

    # What cannot be served is not begun, and both pages say why.
    tab.open(f"{served.url}/")
    pick(tab)

    tab.fill("probesPerS", "1900")
    tab.click(START)
    refusal = "the load cannot be served: 1900 probes/s"
    tab.wait_until(f"document.querySelector('form').innerText.includes('{refusal}')")
    tab.open(f"{served.url}/lab")
    tab.wait_until(f"document.querySelector('#trouble').innerText.includes('{refusal}')")
    assert "NO TEST YET" in text_of(tab, "#verdict")

    # What can be is, with the service time that was asked for.
    tab.open(f"{served.url}/")
    pick(tab)
    for field, text in (
        ("ordersPerS", "40"),
        ("probesPerS", "30"),
        ("seed", "11"),
        ("serviceTimeMs", "120"),
    ):
        tab.fill(field, text)
    tab.click(START)
    tab.wait_until("document.body.innerText.includes('RUNNING')", SHOWS_WITHIN_S)

    # The page beside it has samples of both kinds, depths, and a verdict.
    tab.click("document.querySelector('#lab-bar a')")
    tab.wait_until("document.querySelector('#verdict.inconclusive') !== null", SHOWS_WITHIN_S)
    for tile in ("#notification", "#order"):
        tab.wait_until(f"/\\d m?s p95/.test({inner(tile)})", SHOWS_WITHIN_S)
    tab.wait_until("document.querySelector('#depths svg .flood') !== null")
    workers = [one for one in served.family() if "-Q default" in " ".join(one.cmdline())]
    assert {one.environ()["ORDER_DELAY_MS"] for one in workers} == {"120"}
    about = text_of(tab, "#about")
    assert "OrderFlood" in about
    assert "NotificationProbes" in about
    assert "seed 11" in about
    assert "120 ms" in text_of(tab, "#facts")
    assert re.search(r"no set has probes of both idle and flood", text_of(tab, "#verdict"))
    counts = text_of(tab, "#counts")
    assert re.search(r"notifications\s+[1-9]", counts), counts
    assert tab.js("document.querySelectorAll('#gates .holds').length") >= 1

    # It is stopped from there, and what was cut off is not held against the shop.
    tab.click("document.querySelector('#stop')")
    tab.wait_until(f"{inner('#about')}.includes('stopped')", SHOWS_WITHIN_S)
    tab.wait_until(f"{inner('#verdict')}.includes('when the test ended')")
    assert "unfinished" not in text_of(tab, "main")
    assert tab.errors == []

    # Ctrl-C ends everything, and leaves nothing behind.
    family += served.family()
    assert served.interrupt() == 0, served.said()
    assert "nothing is left running" in served.said()
    assert [one for one in family if lives(one)] == []


def test_a_port_that_is_taken_is_told_before_anything_is_started() -> None:
    port = stable_port()
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as other:
        try:
            wait_for("it listens", lambda: listens(other.pid, port), within_s=20.0)
            ended = run_ui("--port", str(port))
        finally:
            other.kill()

    assert ended.returncode == 2
    assert re.fullmatch(rf"port {port} of 127.0.0.1 cannot be used: .+\n", ended.stderr)


def test_a_shop_that_does_not_answer_where_it_is_said_to_be_is_told() -> None:
    ended = run_ui("--host", "http://127.0.0.1:1", "--port", str(stable_port()))

    assert ended.returncode == 2
    assert re.fullmatch(r"no shop answers at http://127.0.0.1:1: .+\n", ended.stderr)


def run_ui(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "loadtest", "ui", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=STARTS_WITHIN_S,
    )


def pick(tab: Tab) -> None:
    """Other scenarios than the one that the form begins with."""
    tab.wait_until(f"{picked()}.join() === 'PriorityUnderFlood'")
    for name, is_picked in (("PriorityUnderFlood", False), *((one, True) for one in PICKED)):
        tab.click(f"{row(name)}.querySelector('input')")
        tab.wait_until(f"{picked()}.includes('{name}') === {str(is_picked).lower()}")


def listens(pid: int, port: int) -> bool:
    return any(
        one.laddr.port == port and one.status == psutil.CONN_LISTEN
        for one in psutil.Process(pid).net_connections("tcp")
    )


def lives(process: psutil.Process) -> bool:
    """Not if it is only a name that waits for its parent."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def row(name: str) -> str:
    """The picker's row of a scenario."""
    return (
        "[...document.querySelectorAll('tr')].find(r => r.querySelector('input') && "
        f"[...r.cells].some(c => c.textContent.trim() === '{name}'))"
    )


def picked() -> str:
    """The names of the scenarios that are picked."""
    return (
        "[...document.querySelectorAll('tr')].filter(r => r.querySelector('input:checked'))"
        ".map(r => [...r.cells].map(c => c.textContent.trim()).find(t => t)).filter(t => t)"
    )


def inner(selector: str) -> str:
    return f"document.querySelector('{selector}').innerText.replace(/\\s+/g, ' ')"


def text_of(tab: Tab, selector: str) -> str:
    return str(tab.js(inner(selector)))
