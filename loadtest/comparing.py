"""What changed from one run to another that did the same."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import JustifyMethod
from rich.table import Table

from loadtest import history
from loadtest.history import Sample
from loadtest.results.folder import RunFolder
from loadtest.results.manifest import Manifest
from loadtest.schedule import Arm, Kind, Schedule
from loadtest.verdict.bootstrap import change_interval, observe, quantile_of
from loadtest.verdict.record import Record
from loadtest.verdict.verdict import Interval

#: Stamps are whole milliseconds: below one there is nothing to compare.
RESOLUTION_MS = 1.0
SERIES: Mapping[str, Callable[[Sample], float | None]] = {
    "wait": lambda sample: sample.wait_ms,
    "accept": lambda sample: sample.accept_ms,
}
SHARES = {"p50": 0.5, "p95": 0.95}


class NotComparable(Exception):
    """The runs did not do the same, or left too little; the message is one line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of the probes in both runs, milliseconds."""

    name: str
    before: float
    after: float
    #: After over before.
    ratio: Interval


@dataclass(frozen=True, slots=True)
class Compared:
    """One of the two runs."""

    name: str
    #: `PASS`, `FAIL` or `INCONCLUSIVE`; None if the run ended without a verdict.
    conclusion: str | None
    ratios: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs side by side."""

    before: Compared
    after: Compared
    #: In what they did not do the same; empty unless forced.
    differences: Sequence[str]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class _Run:
    compared: Compared
    manifest: Manifest
    record: Record
    #: Why it is not what its manifest says, or not whole.
    faults: Sequence[str]


def compare(before: Path, after: Path, force: bool = False) -> Comparison:
    """Two runs' folders; the ratios are of the second to the first, of the main arm's probes.

    Raises `NotComparable` unless both are whole and had the same schedule and configuration, or
    `force` is given; `FolderUnusable` and `ManifestUnreadable` whether or not it is.
    """
    first, second = _read(before), _read(after)
    differences = [*first.faults, *second.faults, *_differences(first.manifest, second.manifest)]
    if differences and not force:
        raise NotComparable("; ".join(differences) + " (--force compares them all the same)")
    rows = _rows(first, second)
    if not rows:
        raise NotComparable(f"{before} and {after} have no probes in common blocks to compare")
    return Comparison(first.compared, second.compared, differences, rows)


def table(comparison: Comparison) -> Table:
    """For the terminal; a ratio whose interval leaves out 1 is marked."""
    before, after = comparison.before, comparison.after
    shown = Table(
        title=f"A  {before.name}: {before.conclusion or 'no verdict'}\n"
        f"B  {after.name}: {after.conclusion or 'no verdict'}",
        caption="\n".join(f"Not the same: {one}" for one in comparison.differences) or None,
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for heading in ("probes", "A", "B", "B / A", "95 % interval", ""):
        justify: JustifyMethod = "left" if heading in ("probes", "") else "right"
        shown.add_column(heading, justify=justify, no_wrap=heading != "probes")
    for row in comparison.rows:
        ratio = row.ratio
        mark = "slower" if ratio.low > 1 else "faster" if ratio.high < 1 else ""
        shown.add_row(
            row.name,
            f"{row.before:.1f} ms",
            f"{row.after:.1f} ms",
            f"{ratio.point:.2f}",
            f"{ratio.low:.2f} to {ratio.high:.2f}",
            mark,
        )
    names = [name for name in before.ratios if name in after.ratios]
    for number, name in enumerate(names):
        if number == 0:
            shown.add_section()
        one, other = before.ratios[name], after.ratios[name]
        shown.add_row(name, _short(one), _short(other), "", "", "")
    return shown


def _rows(first: _Run, second: _Run) -> list[Row]:
    rows = list[Row]()
    for series, value in SERIES.items():
        for kind in Kind:
            one, other = (
                observe(run.record.probes(Arm.MAIN, kind), value) for run in (first, second)
            )
            for statistic, share in SHARES.items():
                ratio = change_interval(
                    one, other, share=share, floor=RESOLUTION_MS, seed=first.manifest.seed
                )
                if ratio is None:
                    continue
                rows.append(
                    Row(
                        f"{series} {statistic}, {kind}",
                        quantile_of(one.values, share),
                        quantile_of(other.values, share),
                        ratio,
                    )
                )
    return rows


def _read(path: Path) -> _Run:
    folder = RunFolder.load(path)
    manifest = Manifest.read(folder.manifest)
    if "cells" in manifest.configuration:
        raise NotComparable(f"{path} is a sweep: compare the folders of its cells")
    faults = list[str]()
    if (reason := folder.why_incomplete) is not None:
        faults.append(f"{path.name} is incomplete ({reason})")
    try:
        if Schedule.read(folder.schedule).sha256 != manifest.schedule_sha256:
            faults.append(f"{path.name}: its schedule was changed since its run")
        record = Record.of(history.read(folder.history))
        compared = _compared(path, folder)
    # The last three: a line of JSON that is not what this project writes.
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise NotComparable(f"{path} is damaged: {reason}") from None
    if compared.conclusion is None and folder.why_incomplete is None:
        faults.append(f"{path.name} has no verdict")
    return _Run(compared, manifest, record, faults)


def _compared(path: Path, folder: RunFolder) -> Compared:
    if not folder.verdict.is_file():
        return Compared(path.name, None, {})
    verdict: dict[str, Any] = json.loads(folder.verdict.read_text(encoding="utf-8"))
    ratios = {name: Interval(**ratio) for name, ratio in verdict["ratios"].items()}
    return Compared(path.name, str(verdict["conclusion"]), ratios)


def _differences(first: Manifest, second: Manifest) -> list[str]:
    found = list[str]()
    if first.experiment != second.experiment:
        found.append(f"the experiments differ: {first.experiment} and {second.experiment}")
    if first.schedule_sha256 != second.schedule_sha256:
        why = (
            f"seeds {first.seed} and {second.seed}"
            if first.seed != second.seed
            else f"other blocks or rates, of the same seed {first.seed}"
        )
        found.append(f"the schedules differ: {why}")
    one, other = first.configuration, second.configuration
    # By their JSON: a missing entry is not one that is null.
    found += [
        f"{name} differs: {_entry(one, name)} and {_entry(other, name)}"
        for name in sorted({*one, *other})
        if _entry(one, name) != _entry(other, name)
    ]
    return found


def _entry(configuration: Mapping[str, Any], name: str) -> str:
    if name not in configuration:
        return "nothing"
    return json.dumps(configuration[name], sort_keys=True, ensure_ascii=False)


def _short(ratio: Interval) -> str:
    """In two lines, the interval below."""
    return f"{ratio.point:.3g}\n{ratio.low:.3g} to {ratio.high:.3g}"
