"""What a campaign of generated requests is taken for; a real one is tests/generated/test_api.py."""

from typing import Any

import pytest

from testing.generated.campaign import Outcome


def outcome(**changed: Any) -> Outcome:
    report = {
        "seed": 7,
        "exit_code": 0,
        "complete": True,
        "running_time": 12.4,
        "failures": [],
        "errors": [],
        "operations": {"total": 9, "tested": 9},
        "test_cases": {"generated": 420, "without_checks": 20},
        "phases": {"stateful": {"status": "success"}},
    }
    return Outcome(report | changed, "what it printed")


def test_what_came_to_its_end_without_a_fault_is_clean() -> None:
    assert outcome().is_clean
    assert outcome().line == "400 cases in 12 s, seed 7: no answer was wrong"


@pytest.mark.parametrize(
    "changed",
    [
        {"exit_code": 1},
        {"complete": False},
        {"failures": [{"title": "Server error"}]},
        {"errors": [{"title": "Schema Error"}]},
        {"operations": {"total": 9, "tested": 8}},
        {"phases": {"stateful": {"status": "skip"}}},
    ],
    ids=str,
)
def test_all_else_is_not(changed: dict[str, Any]) -> None:
    assert not outcome(**changed).is_clean
    assert "no answer was wrong" not in outcome(**changed).line
