"""Decides from what was seen of a run, and the state after it, whether every promise was kept."""

from testing.checkers.judgement import CHECKERS, Counts, Duplicates, Judgement, Verdict, judge
from testing.checkers.violation import Check, Expectations, Violation

__all__ = [
    "CHECKERS",
    "Check",
    "Counts",
    "Duplicates",
    "Expectations",
    "Judgement",
    "Verdict",
    "Violation",
    "judge",
]
