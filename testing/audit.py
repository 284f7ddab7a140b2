"""Are the pinned packages known to be vulnerable? `python -m testing.audit`, part of `make lint`.

pip-audit asks PyPI. It passes over what PyPI does not answer for, and says so with exit code 0: an
audit that could not be made would look like one that found nothing. Here the two are told apart.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from testing.commands import ROOT

#: In `SHOP_REQUIRE`, beside what tests may need.
AUDIT = "audit"
CONSTRAINTS = ROOT / "constraints.txt"
VULNERABLE = 1
#: Only where `SHOP_REQUIRE` names `audit`: else `make lint` could not be used on a train.
NOT_AUDITED = 3
#: For one answer of PyPI, and for all of them.
TIMEOUT_S = 5
WITHIN_S = 180.0
#: Asked about alone before the rest: a service that does not know it answers for nothing.
PROBE = "pip"

Ask = Callable[[str], "Answer"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What pip-audit found about some packages."""

    #: `name version: advisories, fixed in`.
    vulnerable: Sequence[str] = ()
    audited: Sequence[str] = ()
    #: name -> why it was passed over.
    skipped: dict[str, str] = field(default_factory=dict)
    #: Why nothing is known, if nothing is.
    failure: str | None = None


def audit(constraints: str, ask: Ask, *, required: bool) -> tuple[int, str]:
    """Exit code and what to print."""
    probe = [line for line in constraints.splitlines() if line.startswith(f"{PROBE}==")]
    answer = ask("\n".join(probe))
    if answer.failure is None and not answer.skipped:
        answer = ask(constraints)
    if answer.vulnerable:
        return VULNERABLE, "\n".join(["vulnerable packages are pinned:", *answer.vulnerable])
    if answer.failure is None and not answer.skipped:
        return 0, f"no known vulnerability in {len(answer.audited)} pinned packages"
    reason = answer.failure or next(iter(answer.skipped.values()))
    left = f"{len(answer.skipped)} of its packages" if answer.audited else "constraints.txt"
    lines = [f"NOT AUDITED: {left} could not be looked up ({reason})."]
    lines.append(
        "SHOP_REQUIRE names the audit, so this fails."
        if required
        else "That is no finding; SHOP_REQUIRE=audit makes it one."
    )
    return (NOT_AUDITED if required else 0), "\n".join(lines)


def ask_pypi(requirements: str) -> Answer:
    """pip-audit's answer about pinned `requirements`."""
    command = [
        *(sys.executable, "-m", "pip_audit", "--requirement", "/dev/stdin"),
        *("--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"),
        *("--timeout", str(TIMEOUT_S)),
    ]
    try:
        done = subprocess.run(
            command,
            input=requirements,
            check=False,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
        )
    except subprocess.TimeoutExpired:
        return Answer(failure=f"no answer within {WITHIN_S:.0f} s")
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        # The last line of a traceback: the error, and behind its colon where it was.
        error = done.stderr.strip().rpartition("\n")[2].partition(":")[0]
        return Answer(failure=error or f"pip-audit ended with {done.returncode}")
    return read(found)


def read(found: dict[str, Any]) -> Answer:
    """pip-audit's JSON."""
    packages = found["dependencies"]
    skipped = {each["name"]: each["skip_reason"] for each in packages if "skip_reason" in each}
    known = [each for each in packages if each["name"] not in skipped]
    return Answer(
        vulnerable=[
            f"  {each['name']} {each['version']}: {_advisories(each['vulns'])}"
            for each in known
            if each["vulns"]
        ],
        audited=[each["name"] for each in known],
        skipped=skipped,
    )


def _advisories(vulns: Sequence[dict[str, Any]]) -> str:
    return "; ".join(
        f"{one['id']}, fixed in {', '.join(one['fix_versions']) or 'no version yet'}"
        for one in vulns
    )


def main() -> int:
    required = AUDIT in os.environ.get("SHOP_REQUIRE", "").split(",")
    code, text = audit(CONSTRAINTS.read_text(), ask_pypi, required=required)
    print(text, file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
