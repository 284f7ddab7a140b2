"""Programs that time themselves, asked in turns."""

import sys
from collections.abc import Mapping, Sequence
from statistics import median

from loadtest.bench.bench import BenchBroke, Show
from loadtest.bench.processes import Program
from loadtest.bench.rounds import in_turns
from testing.timings.protocol import RUN

#: Of one program in one round, of which the median counts.
RUNS_A_TURN = 3


def program(module: str, *arguments: str, ready_within_s: float = 60.0) -> Program:
    """One that speaks `testing.timings.protocol`, in this Python."""
    return Program((sys.executable, "-m", module, *arguments), ready_within_s=ready_within_s)


def times_ms(
    programs: Mapping[str, Program], rounds: int, show: Show
) -> Mapping[str, Sequence[float]]:
    """Name -> milliseconds, a value a round. Raises `BenchBroke`."""
    found: dict[str, list[float]] = {name: [] for name in programs}
    for number, turn in enumerate(in_turns(list(programs), rounds)):
        for name in turn:
            show(f"round {number + 1} of {rounds}, {name}")
            took_s = [_seconds(programs[name]) for _ in range(RUNS_A_TURN)]
            found[name].append(1_000 * median(took_s))
    return found


def _seconds(asked: Program) -> float:
    answer = asked.ask(RUN)
    try:
        return float(answer)
    except ValueError:
        raise BenchBroke(f"{asked.name} answered {answer!r} instead of seconds") from None
