"""What became of each test, and what two workers' outcomes say about one of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from testing.celery_suite.recorder import FINISHED, STARTED, UNCOLLECTED


class Outcome(StrEnum):
    """Of one test on one worker."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    #: It failed, and the suite expects it to.
    XFAILED = "xfailed"
    #: Begun, and never reported: its process ended, or was ended.
    UNFINISHED = "unfinished"
    #: Never begun.
    MISSING = "missing"


@dataclass
class Record:
    """What one worker's side wrote down."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    #: Why a test failed or was skipped; the first reason counts.
    reasons: dict[str, str] = field(default_factory=dict)
    #: Files that could not be read as tests, mostly for want of a module.
    uncollected: dict[str, str] = field(default_factory=dict)
    #: How many processes came to the end of their tests.
    finished: int = 0

    def of(self, test: str) -> Outcome:
        return self.outcomes.get(test, Outcome.MISSING)

    def add(self, file: Path) -> None:
        """Add what the recorder wrote into `file`."""
        for line in file.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            test, said, why = entry.get("test", ""), entry["outcome"], entry.get("why", "")
            if said == FINISHED:
                self.finished += 1
            elif said == UNCOLLECTED:
                self.uncollected[test] = why
            elif said == STARTED:
                self.outcomes[test] = Outcome.UNFINISHED
            elif said != Outcome.PASSED or entry["when"] == "call":
                self._settle(test, Outcome(said), why)

    def _settle(self, test: str, outcome: Outcome, why: str) -> None:
        # A failure of a part of the test, or of what tidies up after it, is a failure.
        if self.outcomes.get(test) is not Outcome.FAILED:
            self.outcomes[test] = outcome
            if why:
                self.reasons[test] = why


class Finding(StrEnum):
    """What is said of a test that passed on the plain worker, and did not on the shop's."""

    FAILS = "fails on the shop's worker"
    SETTINGS = "fails on a plain worker too that has the shop's settings"
    UNSTEADY = "passes on the shop's worker when run again"
    PLAIN_FAILS = "fails on a plain worker too when run again"


@dataclass(frozen=True, slots=True)
class Round:
    """Tests that were run on both workers, and where they differ on one with settings alone."""

    plain: Record
    shop: Record
    configured: Record = field(default_factory=Record)

    @property
    def compared(self) -> list[str]:
        """Those that pass on the plain worker."""
        return [test for test, said in self.plain.outcomes.items() if said is Outcome.PASSED]

    @property
    def differing(self) -> list[str]:
        return [test for test in self.compared if self.shop.of(test) is not Outcome.PASSED]


def judge(first: Round, again: Sequence[Round]) -> Mapping[str, Finding]:
    """A finding for each test that differs in `first`, by what came of it in the rounds `again`."""
    return {test: _finding(test, again) for test in first.differing}


def _finding(test: str, again: Sequence[Round]) -> Finding:
    if any(each.plain.of(test) is not Outcome.PASSED for each in again):
        return Finding.PLAIN_FAILS
    if all(each.shop.of(test) is Outcome.PASSED for each in again):
        return Finding.UNSTEADY
    if all(each.configured.of(test) is not Outcome.PASSED for each in again):
        return Finding.SETTINGS
    return Finding.FAILS
