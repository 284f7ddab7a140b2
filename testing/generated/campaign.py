"""One run of Schemathesis against a stack, and what it counted."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from testing.commands import ROOT
from testing.environment import without_settings
from testing.stack import Stack, StackFailed

_ROOM = Path(__file__).parent
_HOOKS = "testing.generated.hooks"
#: Ordered by every other order, so that some are processed and get their invoice.
ITEM_IN_STOCK = "SKU-1"
_STOCK = 1_000_000
_API_KEY = "only-for-generated-requests"
#: The stack that is asked: with a key, so that requests without it are tried as well, and with
#: no limit to what is open, so that a 503 is always a fault.
ENVIRONMENT: Mapping[str, str] = {
    "API_KEY": _API_KEY,
    "LOG_LEVEL": "WARNING",
    "NOTIFICATION_DELAY_MS": "1",
    "ORDER_BACKLOG_LIMIT": "0",
    "ORDER_CONCURRENCY_LIMIT": "0",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a campaign counted, and what it printed."""

    report: Mapping[str, Any]
    output: str

    @property
    def cases(self) -> int:
        """Requests that were made up and sent, each with every check on its answer."""
        counts = self.report["test_cases"]
        return int(counts["generated"]) - int(counts["without_checks"])

    @property
    def is_clean(self) -> bool:
        """Whether every operation was tried to its end, and no answer was wrong."""
        operations = self.report["operations"]
        return (
            self.report["exit_code"] == 0
            and self.report["complete"] is True
            and not self.report["failures"]
            and not self.report["errors"]
            and operations["tested"] == operations["total"]
            # Without links there is nothing to walk along.
            and self.report["phases"]["stateful"]["status"] == "success"
        )

    @property
    def line(self) -> str:
        seconds = round(self.report["running_time"])
        found = "no answer was wrong" if self.is_clean else "SOME WERE WRONG, or it did not end"
        return f"{self.cases} cases in {seconds} s, seed {self.report['seed']}: {found}"


def run(
    stack: Stack, folder: Path, *, max_examples: int, seed: int, within_s: float, workers: int = 1
) -> Outcome:
    """Send up to `max_examples` requests to each operation, and as many walks along the links.

    Leaves Schemathesis' report and what it printed in `folder`. Raises `StackFailed` when it does
    not come to its end within `within_s`.
    """
    stack.redis().set(f"stock:{ITEM_IN_STOCK}", _STOCK)
    report = folder.resolve() / "report.json"
    command = [
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(_ROOM / "schemathesis.toml")),
        *("run", f"{stack.base_url}/openapi.json", "--header", f"X-API-Key:{_API_KEY}"),
        *("--max-examples", str(max_examples), "--seed", str(seed), "--workers", str(workers)),
        *("--report", "json", "--report-json-path", str(report)),
    ]
    printed = folder / "output.txt"
    try:
        # Where it runs it leaves notes of its own.
        with TemporaryDirectory(prefix="shop-generated-") as notes, printed.open("w") as output:
            subprocess.run(
                command,
                cwd=notes,
                env={
                    **without_settings(os.environ),
                    "SCHEMATHESIS_HOOKS": _HOOKS,
                    "PYTHONPATH": str(ROOT),
                },
                check=False,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=within_s,
            )
    except subprocess.TimeoutExpired:
        raise StackFailed(f"Schemathesis took more than {within_s:.0f} s: {printed}") from None
    if not report.exists():
        raise StackFailed(f"Schemathesis reports nothing:\n{printed.read_text()}")
    return Outcome(json.loads(report.read_text()), printed.read_text())
