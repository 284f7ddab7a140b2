"""What the docs claim, and the commands that show it; `docs/artifacts.md` is the table of them."""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from loadtest.running.targets import Refused
from testing.terminal import to_stdout

#: What `make verify-quick` leaves out takes longer.
QUICK_MINUTES = 10


@dataclass(frozen=True, slots=True)
class Claim:
    """One line of the artifact table."""

    name: str
    claim: str
    #: After `python -m`.
    command: Sequence[str]
    #: On two cores, about.
    minutes: int
    #: How far a figure may be off before the command's exit code is not 0.
    tolerance: str
    #: What it leaves to look at.
    file: str

    @property
    def is_quick(self) -> bool:
        return self.minutes <= QUICK_MINUTES


_RUN = ("loadtest", "run")
_VERDICT = "results/*/verdict.json"

CLAIMS = (
    Claim(
        "priority-quick",
        "notifications start as soon under a flood of orders",
        (*_RUN, "priority-under-flood", "--profile", "quick"),
        3,
        "upper bound of the ratio at most 10, of the control's lower one at least 50",
        _VERDICT,
    ),
    Claim(
        "overload",
        "orders beyond what the API can take are shed, and notifications are not",
        (*_RUN, "overload"),
        5,
        "upper bound of the ratio at most 5, the idle time counted as 10 ms at least; goodput at "
        "least 0.8 of the capacity; all that is shed is 503 with Retry-After",
        _VERDICT,
    ),
    Claim(
        "sweep",
        "it holds for short and long orders, and whatever is fetched ahead",
        (*_RUN, "service-time-sweep"),
        3,
        "upper bound of the ratio at most 10 in each cell; one worker for both queues fails",
        _VERDICT,
    ),
    Claim(
        "load-sabotage",
        "a wrong topology turns the verdict red",
        ("loadtest", "sabotage"),
        6,
        "every verdict FAIL for the waits; the shop as it is holds",
        _VERDICT,
    ),
    Claim(
        "chaos-quick",
        "nothing is lost, done twice or oversold under faults",
        ("testing.chaos", "--quick"),
        1,
        "none; drained at most 30 s after the last fault",
        "results/*/report.html",
    ),
    Claim(
        "sabotage",
        "every checker notices what it is for",
        ("testing.sabotage",),
        2,
        "every sabotage noticed, every sound shop green",
        "results/*/",
    ),
    Claim(
        "answering",
        "while Redis is frozen every request is answered",
        ("testing.drills", "answering"),
        2,
        "each within 2 s",
        "results/*/drills.json",
    ),
    Claim(
        "resuming",
        "after a restart of Redis both workers consume again",
        ("testing.drills", "resuming"),
        1,
        "each within 5 s",
        "results/*/drills.json",
    ),
    Claim(
        "taking-up",
        "what a killed worker had in hand is taken up again",
        ("testing.drills", "taking-up"),
        2,
        "each within 5 s",
        "results/*/drills.json",
    ),
    Claim(
        "resetting",
        "reset connections leave no worker stuck",
        ("testing.drills", "resetting"),
        2,
        "200 resets, no stall, nothing undone",
        "results/*/drills.json",
    ),
    Claim(
        "stopping",
        "a worker that is told to stop ends in time, and nothing is lost by it",
        ("testing.drills", "stopping"),
        11,
        "100 of 100 within the grace period; 75 of 75 without Docker",
        "results/*/drills.json",
    ),
    Claim(
        "priority-full",
        "the same as priority-quick, with intervals over five sets",
        (*_RUN, "priority-under-flood", "--profile", "full"),
        11,
        "as there; 4 and 100 are what this project wants of itself",
        _VERDICT,
    ),
    Claim(
        "soak",
        "memory, backlog and waits do not grow with time",
        (*_RUN, "soak", "--profile", "quick"),
        28,
        "16 MiB or a tenth an hour for a process, half for a wait, 10 orders for the backlog",
        _VERDICT,
    ),
    Claim(
        "chaos-full",
        "the same as chaos-quick, with 2 000 orders and 16 faults",
        ("testing.chaos",),
        3,
        "none; drained at most 30 s after the last fault",
        "results/*/report.html",
    ),
)


def verify(names: Sequence[str], notes: Console) -> int:
    """Run the claims' commands one after the other; 0 when all of them exit with 0."""
    known = {claim.name: claim for claim in CLAIMS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Refused(f"no claim {', '.join(unknown)}: {', '.join(known)}")
    chosen = [known[name] for name in names] or [claim for claim in CLAIMS if claim.is_quick]
    table = Table("claim", "", "exit code", "took", box=None, header_style="bold")
    held = True
    for number, claim in enumerate(chosen, start=1):
        line = f"python -m {' '.join(claim.command)}"
        notes.rule(f"{number}/{len(chosen)} {claim.name}: {line}", align="left")
        began_s = time.monotonic()
        code = _run(claim.command)
        took_s = time.monotonic() - began_s
        held = held and code == 0
        table.add_row(
            claim.claim, "holds" if code == 0 else "does not", str(code), f"{took_s:.0f} s"
        )
    to_stdout().print(table)
    return int(not held)


def _run(command: Sequence[str]) -> int:
    """The exit code; when this process is interrupted, the command ends first, and in peace."""
    with subprocess.Popen(  # noqa: S603  (a claim is a command)
        [sys.executable, "-m", *command],
        # Ctrl-C comes to this process, which hands it on once.
        start_new_session=True,
    ) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
