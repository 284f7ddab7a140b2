"""The tables of `docs/matrix.md`: points x faults, with verdicts and totals."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from testing.faults.refusals import TRIP_FAULTS
from testing.matrix.points import Points
from testing.matrix.processes import Extent
from testing.matrix.processes import Outcome as ProcessOutcome
from testing.matrix.running import Ran
from testing.matrix.services import Outcome as ServiceOutcome

FILE = Path(__file__).parents[2] / "docs" / "matrix.md"
BEGIN, END = "<!-- {} begin -->", "<!-- {} end -->"
#: A fault that says nothing of such a command.
NONE = ""
_BROKEN = "**✗ {}**"


def services_table(outcomes: Sequence[ServiceOutcome]) -> list[str]:
    """A row for each point: how many cases held, or how many of them did not."""
    cells: dict[tuple[str, str], dict[str, list[ServiceOutcome]]] = defaultdict(dict)
    for outcome in outcomes:
        case = outcome.case
        row = case.point.connection, case.point.command
        cells[row].setdefault(case.fault, []).append(outcome)
    rows = [
        [f"`{name}`", f"`{command}`", *(_held(by_fault.get(fault, [])) for fault in TRIP_FAULTS)]
        for (name, command), by_fault in sorted(cells.items())
    ]
    return _table(["connection", "round trip", *TRIP_FAULTS], rows)


def processes_table(outcomes: Sequence[ProcessOutcome]) -> list[str]:
    """A row for each connection: seconds until all was finished, once and for a time."""
    cells: dict[tuple[str, str], dict[tuple[str, Extent], ProcessOutcome]] = defaultdict(dict)
    for outcome in outcomes:
        case = outcome.case
        row = case.connection.service, case.connection.name
        cells[row][case.fault.name, case.extent] = outcome
    rows = [
        [f"`{service}`", f"`{name}`", *(_both(found, fault) for fault in TRIP_FAULTS)]
        for (service, name), found in sorted(cells.items())
    ]
    return _table(["process", "connection", *TRIP_FAULTS], rows)


def points_table(points: Points) -> list[str]:
    """What each process was seen to ask."""
    rows = []
    for service, seen in sorted(points.items()):
        by_name = defaultdict[str, list[str]](list)
        for point in sorted(seen):
            by_name[point.connection].append(f"`{point.command}`")
        rows += [[f"`{service}`", f"`{name}`", ", ".join(each)] for name, each in by_name.items()]
    return _table(["process", "connection", "round trips"], rows)


def totals(ran: Ran) -> list[str]:
    """One line for each matrix that was run."""
    lines = []
    if ran.services:
        befell = sum(outcome.took_hold for outcome in ran.services)
        broken = sum(bool(outcome.violations) for outcome in ran.services)
        points = len({outcome.case.point for outcome in ran.services})
        lines.append(
            f"Services: {points} points, {len(ran.services)} cases, of which {befell} took hold; "
            f"{broken} broken."
        )
    if ran.processes:
        broken = sum(bool(outcome.violations) for outcome in ran.processes)
        names = len({outcome.case.connection for outcome in ran.processes})
        finished = [out.finished_s for out in ran.processes if out.finished_s is not None]
        slowest = f"{max(finished):.1f} s" if finished else "-"
        lines.append(
            f"Processes: {names} connections, {len(ran.processes)} cases, {broken} broken; all was "
            f"finished at the latest {slowest} after healing."
        )
    return lines


def write(ran: Ran, points: Points, file: Path = FILE) -> None:
    """Put what was run between its marks; the rest of the page stays."""
    text = file.read_text()
    written: dict[str, list[str]] = {}
    if ran.services:
        written["services"] = services_table(ran.services)
        written["services-totals"] = totals(Ran(services=ran.services))
    if ran.processes:
        written["processes"] = processes_table(ran.processes)
        written["processes-totals"] = totals(Ran(processes=ran.processes))
        written["points"] = points_table(
            {service: seen for service, seen in points.items() if service != "services"}
        )
    for what, lines in written.items():
        text = _between(text, what, lines)
    file.write_text(text)


def _between(text: str, what: str, lines: Iterable[str]) -> str:
    before, begin, rest = text.partition(BEGIN.format(what))
    _, end, after = rest.partition(END.format(what))
    assert all((begin, end)), f"{FILE.name} has no place for {what}"
    return "\n".join([before + begin, "", *lines, "", end + after])


def _held(outcomes: Sequence[ServiceOutcome]) -> str:
    if not outcomes:
        return NONE
    broken = sum(bool(outcome.violations) for outcome in outcomes)
    return _BROKEN.format(f"{broken} of {len(outcomes)}") if broken else str(len(outcomes))


def _both(found: Mapping[tuple[str, Extent], ProcessOutcome], fault: str) -> str:
    both = [found[fault, extent] for extent in Extent if (fault, extent) in found]
    return " / ".join(map(_took, both))


def _took(outcome: ProcessOutcome) -> str:
    took = "never" if outcome.finished_s is None else f"{outcome.finished_s:.1f}"
    return _BROKEN.format(took) if outcome.violations else took


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
