"""Ctrl-C in the middle of a chaos run: all is healed and ended, and the exit code says so."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from testing.history import History, Kind, Phase, read_history
from testing.stacks.compose import ROOT
from testing.waiting import wait_for

FAULT_WITHIN_S = 120.0
ENDS_WITHIN_S = 60.0


def _phases(history_file: Path) -> list[str]:
    history = read_history(history_file) if history_file.exists() else History(())
    return [event.data["phase"] for event in history.events if event.kind is Kind.FAULT]


def _processes_in(folder: Path) -> list[psutil.Process]:
    """Those of a stack: each has its folder for its working directory."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.AccessDenied, psutil.NoSuchProcess):
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
    return found


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_behind(signum: signal.Signals, tmp_path: Path) -> None:
    out, stacks = tmp_path / "run", tmp_path / "stacks"
    stacks.mkdir()
    run = subprocess.Popen(
        [sys.executable, "-m", "testing.chaos", "--quick", "--seed", "1", "--out", str(out)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(stacks)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(
            "a fault has begun",
            lambda: Phase.INJECTED in _phases(out / "history.jsonl"),
            within_s=FAULT_WITHIN_S,
        )
        assert len(_processes_in(stacks)) >= 4

        run.send_signal(signum)
        _, said = run.communicate(timeout=ENDS_WITHIN_S)
    finally:
        run.kill()
        run.wait()

    assert run.returncode == 2, said
    assert "interrupted: everything was healed and stopped" in said
    assert "-m testing.chaos --quick --seed 1" in said
    assert _phases(out / "history.jsonl")[-1] == Phase.HEALED
    assert _processes_in(stacks) == []
    assert list(stacks.iterdir()) == []
    assert (out / "worker-default.log").exists()
