"""The audit of pinned packages: what it found is told apart from what it could not look up."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from testing.audit import CONSTRAINTS, Answer, audit, read

PINNED = "# pinned\npip==26.3\nflask==0.5\nredis==8.1.0\n"
CLEAN = {"name": "redis", "version": "8.1.0", "vulns": []}
HOLED = {
    "name": "flask",
    "version": "0.5",
    "vulns": [{"id": "PYSEC-2019-179", "fix_versions": ["1.0"], "description": "", "aliases": []}],
}
UNKNOWN = {"name": "pip", "skip_reason": "Dependency not found on PyPI"}


class PyPI:
    """Answers in turn, and keeps what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, requirements: str) -> Answer:
        self.asked.append(requirements)
        return self._answers.pop(0)


def found(*packages: dict[str, Any]) -> Answer:
    return read({"dependencies": list(packages), "fixes": []})


def test_nothing_known_is_a_pass_that_says_how_much_was_looked_at() -> None:
    pypi = PyPI(found(CLEAN), found(CLEAN, CLEAN))

    assert audit(PINNED, pypi, required=True) == (
        0, "no known vulnerability in 2 pinned packages",
    )  # fmt: skip
    # One package first: a service that does not answer is asked once.
    assert pypi.asked == ["pip==26.3", PINNED]


@pytest.mark.parametrize("required", [True, False])
def test_a_vulnerable_package_fails_and_is_named_with_its_cure(required: bool) -> None:
    code, text = audit(PINNED, PyPI(found(CLEAN), found(CLEAN, HOLED)), required=required)

    assert code == 1
    assert "flask 0.5: PYSEC-2019-179, fixed in 1.0" in text


@pytest.mark.parametrize(
    "silent",
    [
        pytest.param([Answer(failure="ConnectionError")], id="no network"),
        pytest.param([found(UNKNOWN)], id="a mirror without advisories"),
        pytest.param([found(CLEAN), Answer(failure="no answer within 180 s")], id="breaks off"),
        pytest.param([found(CLEAN), found(CLEAN, UNKNOWN)], id="one passed over"),
    ],
)
def test_what_could_not_be_looked_up_is_no_silent_pass(silent: list[Answer]) -> None:
    code, text = audit(PINNED, PyPI(*silent), required=False)
    assert code == 0
    assert text.startswith("NOT AUDITED: ")

    code, text = audit(PINNED, PyPI(*silent), required=True)
    assert code == 3
    assert "SHOP_REQUIRE" in text


def test_a_finding_outweighs_what_was_passed_over() -> None:
    code, _ = audit(PINNED, PyPI(found(CLEAN), found(HOLED, UNKNOWN)), required=False)

    assert code == 1


def test_what_is_asked_about_alone_is_pinned() -> None:
    assert any(line.startswith("pip==") for line in CONSTRAINTS.read_text().splitlines())


def test_pip_audit_still_answers_in_json_that_can_be_read() -> None:
    """Without network: the file of requirements is empty, and so nobody is asked."""
    command = [sys.executable, "-m", "pip_audit", "-r", os.devnull, "--format", "json"]
    done = subprocess.run(
        [*command, "--no-deps", "--disable-pip", "--progress-spinner", "off"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert read(json.loads(done.stdout)) == Answer(vulnerable=[], audited=[], skipped={})
