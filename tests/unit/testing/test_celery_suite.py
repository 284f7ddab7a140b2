"""Celery's suite on two workers: what is unpacked, recorded, compared and said of it.

A suite made up here stands in for Celery's, which takes minutes and a package index.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer import Typer
from typer.testing import CliRunner

from testing.celery_suite import __main__ as command
from testing.celery_suite import recorder
from testing.celery_suite.outcomes import Finding, Outcome, Record, Round, judge
from testing.celery_suite.report import as_json, remarks, table, verdict
from testing.celery_suite.runner import SuiteFailed, run_again, run_both
from testing.celery_suite.source import INI, TESTS, NoSuite, unpack_suite
from testing.commands import ROOT

MADE_UP_CONFTEST = """
import os
import pytest
from celery.contrib.pytest import celery_app, celery_session_app, celery_session_worker

@pytest.fixture(scope="session")
def celery_config():
    return {
        "broker_url": os.environ["TEST_BROKER"],
        "result_backend": os.environ["TEST_BACKEND"],
        "task_create_missing_queues": False,
    }

@pytest.fixture(scope="session")
def celery_worker_pool():
    return "prefork"

@pytest.fixture(scope="session")
def celery_includes():
    return {"t.integration.tasks"}
"""
MADE_UP_TASKS = """
from celery import shared_task

@shared_task
def add(x, y):
    return x + y
"""
#: One passes on both, one on the plain worker alone, one where the shop's settings are not, one
#: nowhere.
MADE_UP_TESTS = """
from t.integration.tasks import add

def test_result(celery_session_app, celery_session_worker):
    assert list(celery_session_app.amqp.queues) == ["celery"]
    assert add.delay(2, 3).get(timeout=30) == 5

def test_connection_is_celerys_own(celery_session_app):
    assert type(celery_session_app.amqp).__module__ == "celery.app.amqp"

def test_acknowledged_early(celery_session_app):
    assert not celery_session_app.conf.task_acks_late

def test_nonsense():
    assert False, "nonsense"
"""


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def made_up_suite(folder: Path, tests: str = MADE_UP_TESTS) -> Path:
    return write(
        folder,
        {
            "pytest.ini": INI,
            "t/__init__.py": "",
            "t/integration/__init__.py": "",
            "t/integration/conftest.py": MADE_UP_CONFTEST,
            "t/integration/tasks.py": MADE_UP_TASKS,
            "t/integration/test_it.py": tests,
        },
    )


def archive(path: Path, files: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as packed:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            packed.addfile(member, io.BytesIO(text.encode()))
    return path


# --- The source ---


def test_only_the_integration_tests_and_their_helpers_are_unpacked(tmp_path: Path) -> None:
    source = archive(
        tmp_path / "celery-1.0.tar.gz",
        {
            "celery-1.0/celery/__init__.py": "",
            "celery-1.0/t/skip.py": "",
            "celery-1.0/t/unit/test_it.py": "",
            "celery-1.0/t/integration/test_it.py": "",
            "celery-1.0/t/integration/data/key.pem": "",
        },
    )
    (folder := tmp_path / "suite").mkdir()

    unpack_suite(source, folder)

    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
        "pytest.ini", "t/skip.py", "t/integration/test_it.py", "t/integration/data/key.pem",
    }  # fmt: skip


def test_an_archive_without_the_suite_is_named(tmp_path: Path) -> None:
    source = archive(tmp_path / "celery-1.0.tar.gz", {"celery-1.0/celery/__init__.py": ""})

    with pytest.raises(NoSuite, match=r"celery-1\.0\.tar\.gz has no folder t/integration"):
        unpack_suite(source, tmp_path)


# --- The record ---

RECORDED_TESTS = """
import time
import pytest

def test_good(): pass
def test_bad(): assert 1 == 2
def test_skipped(): pytest.skip("not here")
@pytest.mark.xfail
def test_expected_to_fail(): assert False
@pytest.fixture
def untidy():
    yield
    raise RuntimeError("untidy")
def test_untidy(untidy): pass
def test_parts(subtests):
    with subtests.test("one"): pass
    with subtests.test("two"): assert False, "second part"
def test_endless():
    while True: time.sleep(1)
"""


def recorded(folder: Path, *, limit_s: int) -> Record:
    (folder / "record").touch()
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", "pytest.ini", "-p", recorder.__name__,
         "--continue-on-collection-errors", "-p", "no:schemathesis", "-p", "no:cacheprovider"],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            recorder.RECORD_VARIABLE: str(folder / "record"),
            recorder.LIMIT_VARIABLE: str(limit_s),
            recorder.PART_VARIABLE: "0/1",
        },
        capture_output=True,
        timeout=120,
    )  # fmt: skip
    record = Record()
    record.add(folder / "record")
    return record


def test_each_outcome_is_recorded_and_an_endless_test_is_ended(tmp_path: Path) -> None:
    files = {
        "pytest.ini": "[pytest]", "test_it.py": RECORDED_TESTS, "test_wants.py": "import no_such",
    }  # fmt: skip

    record = recorded(write(tmp_path, files), limit_s=10)

    assert record.finished == 1
    assert {test.partition("::")[2]: said for test, said in record.outcomes.items()} == {
        "test_good": Outcome.PASSED,
        "test_bad": Outcome.FAILED,
        "test_skipped": Outcome.SKIPPED,
        "test_expected_to_fail": Outcome.XFAILED,
        "test_untidy": Outcome.FAILED,
        "test_parts": Outcome.FAILED,
        "test_endless": Outcome.FAILED,
    }
    assert "longer than 10 s" in record.reasons["test_it.py::test_endless"]
    assert "no_such" in record.uncollected["test_wants.py"]


def test_parts_share_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[list[str]] = []
    for part in range(2):
        monkeypatch.setenv(recorder.PART_VARIABLE, f"{part}/2")
        items: list[Any] = list("abcde")
        recorder.pytest_collection_modifyitems(items)
        shares.append(items)

    assert shares == [["a", "c", "e"], ["b", "d"]]


def test_what_was_begun_and_never_reported_is_unfinished(tmp_path: Path) -> None:
    (tmp_path / "record").write_text(
        json.dumps({"test": "a", "outcome": "started"})
        + "\n"
        + json.dumps({"test": "a", "outcome": "passed", "when": "setup"})
        + "\n"
    )
    record = Record()
    record.add(tmp_path / "record")

    assert record.of("a") is Outcome.UNFINISHED
    assert record.of("b") is Outcome.MISSING
    assert record.finished == 0


# --- The comparison ---


def ran(plain: str, shop: str, configured: str = "pppp") -> Round:
    """Tests `a`, `b`, ... with an outcome each: passed, failed, skipped or missing."""
    outcomes = {"p": Outcome.PASSED, "f": Outcome.FAILED, "s": Outcome.SKIPPED}

    def record(letters: str) -> Record:
        names = zip("abcdefgh", letters, strict=False)
        return Record({name: outcomes[said] for name, said in names if said != "-"})

    return Round(record(plain), record(shop), record(configured))


def test_compared_is_what_passes_on_the_plain_worker() -> None:
    first = ran("ppppfs", "pfs-pp")

    assert first.compared == ["a", "b", "c", "d"]
    assert first.differing == ["b", "c", "d"]


def test_a_difference_is_judged_by_what_comes_of_it_again() -> None:
    first = ran("ppppp", "pffff")
    again = ran("pppfp", "-pfpf", "ppfpf"), ran("ppppp", "-pp-f", "ppppf")

    assert judge(first, again) == {
        "b": Finding.UNSTEADY,
        "c": Finding.FAILS,
        "d": Finding.PLAIN_FAILS,
        "e": Finding.SETTINGS,
    }


def test_the_report_names_each_difference_and_counts_all() -> None:
    first, again = ran("ppf", "pf-"), [ran("-p-", "-f-")] * 2
    first.plain.uncollected["t/test_security.py"] = "Traceback\nNo module named 'cryptography'"
    first.shop.reasons["b"] = "assert [] == [1]"
    findings = judge(first, again)

    console = Console(file=(output := io.StringIO()), width=200)
    console.print(table(first, findings))
    for line in remarks(first, again, findings):
        console.print(line)

    shown = output.getvalue()
    assert "1 failed" in shown
    assert "not run: t/test_security.py (No module named 'cryptography')" in shown
    assert "fails on the shop's worker: b" in shown
    assert "plain: passed, passed, passed; shop: failed, failed, failed" in shown
    assert "assert [] == [1]" in shown
    assert verdict(first, findings) == (
        "3 tests, 2 compared, 1 of them run again: 1 that passes on a plain worker fails on the "
        "shop's"
    )
    assert as_json(first, findings, version="1.0", took_s=1.0)["failing"] == ["b"]


# --- Both workers ---


def test_a_made_up_suite_runs_on_both_workers(tmp_path: Path) -> None:
    suite = made_up_suite(tmp_path / "suite")

    both = run_again(suite, tmp_path / "out", [TESTS], parts=1, within_s=240)

    file = f"{TESTS}/test_it.py"
    assert both.plain.outcomes == {
        f"{file}::test_result": Outcome.PASSED,
        f"{file}::test_connection_is_celerys_own": Outcome.PASSED,
        f"{file}::test_acknowledged_early": Outcome.PASSED,
        f"{file}::test_nonsense": Outcome.FAILED,
    }
    # The shop's worker does the task, and is the shop's.
    assert both.shop.of(f"{file}::test_result") is Outcome.PASSED
    assert judge(both, [both]) == {
        f"{file}::test_connection_is_celerys_own": Finding.FAILS,
        f"{file}::test_acknowledged_early": Finding.SETTINGS,
    }


def test_a_plain_side_that_comes_to_no_end_breaks_the_harness(tmp_path: Path) -> None:
    suite = made_up_suite(tmp_path / "suite", "import os\ndef test_it(): os._exit(3)")

    with pytest.raises(SuiteFailed, match="no end on the plain worker"):
        run_both(suite, tmp_path / "out", [TESTS], parts=1, within_s=120)


@pytest.mark.parametrize(
    ("rounds", "code"),
    [
        pytest.param([ran("pp", "pp")], 0, id="the same"),
        pytest.param([ran("pp", "pf"), ran("-p", "-p"), ran("-p", "-p")], 0, id="unsteady"),
        pytest.param([ran("pp", "pf"), ran("-p", "-f"), ran("-p", "-p")], 1, id="differs"),
        pytest.param([], 2, id="the harness breaks"),
    ],
)
def test_the_exit_code_is_the_finding(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rounds: list[Round], code: int
) -> None:
    left = iter(rounds)

    def run(*_: object, **__: object) -> Round:
        for each in left:
            return each
        raise SuiteFailed("no worker")

    monkeypatch.setattr(command, "fetch_suite", lambda _folder: None)
    monkeypatch.setattr(command, "run_both", run)
    monkeypatch.setattr(command, "run_again", run)
    monkeypatch.setattr(command, "interrupt_on_sigterm", lambda: None)
    app = Typer()
    app.command()(command.celery_suite)

    done = CliRunner().invoke(app, ["--out", str(tmp_path / "out")])

    assert done.exit_code == code
    assert (tmp_path / "out" / "celery-suite.json").exists() is (code < 2)
    assert next(left, None) is None
