"""The command, used badly: one line, exit code 2, and what there is kept and marked."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from loadtest.results.folder import RunFolder
from loadtest.results.lock import held
from testing.waiting import wait_for
from tests.unit.loadtest.users.stub_shop import StubShop, running_stub

ROOT = Path(__file__).parents[4]
BROKE = 2
#: Of a machine that does other things beside.
WITHIN_S = 60.0
NOBODY = "http://127.0.0.1:1"
RUN = ("run", "priority-under-flood", "--seed", "1")


@pytest.fixture
def shop() -> Iterator[StubShop]:
    with running_stub() as stub:
        yield stub


def start(*arguments: str | Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "loadtest", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def last_line(process: "subprocess.Popen[str]") -> str:
    """What it said last, once it has ended with the exit code of what broke."""
    said, _ = process.communicate(timeout=WITHIN_S)
    assert process.returncode == BROKE, said
    assert "Traceback" not in said
    return said.splitlines()[-1]


def only_folder(results: Path) -> RunFolder:
    (path,) = results.iterdir()
    return RunFolder(path)


def why_incomplete(results: Path) -> str:
    return only_folder(results).why_incomplete or ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param(("--stack", NOBODY), f"no shop answers at {NOBODY}", id="no shop"),
        pytest.param(("--probes-per-s", "1999"), "this does not hold: the load can", id="load"),
        pytest.param(("--orders-per-s", "600"), "this does not hold: the backlog", id="backlog"),
    ],
)
def test_a_run_that_cannot_be_says_why(
    tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    said = last_line(start(*RUN, *arguments, "--out", tmp_path))

    assert said.startswith(reason)
    assert reason in why_incomplete(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((*RUN, "--duration-s", "10"), "10 s make 12 blocks"),
        ((*RUN, "--profile", "huge"), "no profile huge"),
        ((*RUN, "--control", NOBODY), "--control goes with the URL"),
        ((*RUN, "--stack", NOBODY, "--control", f"{NOBODY}/"), f"--control {NOBODY} is the shop"),
        ((*RUN, "--stack", NOBODY, "--sabotage", "control-routing"), "--sabotage control-routing"),
        (("run", "overload", "--stack", NOBODY), "overload would flood somebody's shop"),
        (("run", "soak", "--stack", NOBODY), "soak asks what memory a shop takes"),
        (("run", "service-time-sweep", "--duration-s", "99"), "service-time-sweep has its own"),
    ],
)
def test_what_makes_no_sense_leaves_nothing(
    tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    said = last_line(start(*arguments, "--out", tmp_path))

    assert said.startswith(reason)
    assert not list(tmp_path.iterdir())


def test_a_sweep_of_a_shop_whose_settings_are_its_owners(tmp_path: Path, shop: StubShop) -> None:
    command = ("run", "service-time-sweep", "--stack", shop.base_url, "--out", tmp_path)

    assert "can be had on --stack local only" in last_line(start(*command))
    assert not shop.bodies("/order")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    said = last_line(start(*RUN, "--out", tmp_path / "file" / "results"))

    assert said.startswith("cannot write the results to")


def test_a_control_that_is_not_there_costs_no_time(tmp_path: Path, shop: StubShop) -> None:
    said = last_line(start(*RUN, "--stack", shop.base_url, "--control", NOBODY, "--out", tmp_path))

    assert said.startswith(f"no shop answers at {NOBODY}")
    assert not shop.bodies("/order")


@pytest.mark.parametrize("place", ["--stack", "--control"])
def test_a_shop_that_another_run_holds(tmp_path: Path, shop: StubShop, place: str) -> None:
    other = {"--stack": "--control", "--control": "--stack"}[place]
    with held(shop.base_url):
        said = last_line(start(*RUN, place, shop.base_url, other, NOBODY, "--out", tmp_path))

    assert said.startswith(f"{shop.base_url} is held by another run (process {os.getpid()}")
    assert "is held by another run" in why_incomplete(tmp_path)


@pytest.mark.parametrize(
    "numbers",
    [[signal.SIGINT], [signal.SIGTERM], [signal.SIGINT] * 3],
    ids=["Ctrl-C", "SIGTERM", "Ctrl-C three times"],
)
def test_interrupted_in_the_middle(
    tmp_path: Path, shop: StubShop, numbers: list[signal.Signals]
) -> None:
    process = start(*RUN, "--stack", shop.base_url, "--out", tmp_path)
    warm_up = 20
    wait_for(
        "the schedule is walked",
        lambda: len(shop.bodies("/test_notification")) > warm_up,
        within_s=WITHIN_S,
        explain=lambda: str(shop.requests[-3:]),
    )
    started = psutil.Process(process.pid).children(recursive=True)
    for number in numbers:
        process.send_signal(number)

    said = last_line(process)

    assert said == "interrupted: all was stopped, what there is of the run is marked as incomplete"
    assert why_incomplete(tmp_path) == "interrupted"
    assert only_folder(tmp_path).history.stat().st_size > 0
    assert started
    assert not psutil.wait_procs(started, timeout=WITHIN_S)[1]
