"""The command: `python -m testing.celery_suite`."""

import json
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from testing.celery_suite.outcomes import Finding, Round, judge
from testing.celery_suite.report import as_json, remarks, table, verdict
from testing.celery_suite.runner import PARTS, SuiteFailed, run_again, run_both
from testing.celery_suite.source import TESTS, NoSuite, celery_version, fetch_suite
from testing.commands import again, commit, interrupt_on_sigterm, show_origin
from testing.terminal import to_stderr, to_stdout

SAME, DIFFERS, HARNESS_BROKE = 0, 1, 2

#: Of the whole suite, and of each time that tests which differ are run again.
SUITE_WITHIN_S = 17 * 60
AGAIN_WITHIN_S = 3 * 60
TIMES_AGAIN = 2


def celery_suite(
    tests: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEST]...", help=f"As pytest takes them. Default: {TESTS}."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A new folder for the run.")] = None,
) -> None:
    """Run Celery's own integration suite on a plain worker and on the shop's, and compare.

    Exit code: 0 what passes on the plain worker passes on the shop's, 1 a test differs, 2 the
    harness broke.
    """
    console = to_stderr()
    folder = out or Path("results") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-celery-suite-{commit()}"
    interrupt_on_sigterm()
    try:
        folder.mkdir(parents=True)
        code = _compare(tests or [TESTS], folder, console)
    except KeyboardInterrupt:
        console.print("interrupted: everything was stopped")
        code = HARNESS_BROKE
    except Exception as error:
        show_origin(console, error, NoSuite, SuiteFailed)
        console.print(f"the harness broke: {error}", markup=False, soft_wrap=True)
        code = HARNESS_BROKE
    if code:
        repeat = again("testing.celery_suite", *(tests or []))
        console.print(f"run it again: {repeat}", markup=False, soft_wrap=True)
    raise typer.Exit(code)


def _compare(tests: Sequence[str], folder: Path, console: Console) -> int:
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="celery-suite-") as temporary:
        suite = Path(temporary)
        fetch_suite(suite)
        console.print(f"celery {celery_version()}: its suite runs on both workers; minutes")
        first = run_both(suite, folder / "all", tests, parts=PARTS, within_s=SUITE_WITHIN_S)
        rounds: list[Round] = []
        for time_again in range(1, TIMES_AGAIN + 1):
            if first.differing:
                console.print(f"{len(first.differing)} tests differ: again on both workers")
                rounds.append(
                    run_again(
                        suite,
                        folder / f"again-{time_again}",
                        first.differing,
                        parts=min(PARTS, len(first.differing)),
                        within_s=AGAIN_WITHIN_S,
                    )
                )
    findings = judge(first, rounds)
    output = to_stdout()
    output.print(table(first, findings))
    for remark in remarks(first, rounds, findings):
        output.print(remark, soft_wrap=True)
    output.print(verdict(first, findings), markup=False, soft_wrap=True)
    took_s = time.monotonic() - began_s
    report = as_json(first, findings, version=celery_version(), took_s=took_s)
    (folder / "celery-suite.json").write_text(json.dumps(report, indent=2) + "\n")
    console.print(f"outcomes and logs: {folder}", markup=False, soft_wrap=True)
    return DIFFERS if Finding.FAILS in findings.values() else SAME


if __name__ == "__main__":
    typer.run(celery_suite)
