"""What came of the comparison: a table for the terminal, lines below it, and JSON."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from testing.celery_suite.outcomes import Finding, Outcome, Round


def table(first: Round, findings: Mapping[str, Finding]) -> Table:
    """A row for each file of the suite, and one for all of them."""
    table = Table(title="Celery's integration suite")
    table.add_column("file", overflow="fold")
    for name in ("tests", "compared", "differ", "fail here"):
        table.add_column(name, justify="right")
    tests = _by_file(list(first.plain.outcomes))
    compared, differing = _by_file(first.compared), _by_file(first.differing)
    failing = _by_file(_failing(findings))
    for file, number in sorted(tests.items()):
        counts = (number, compared[file], differing[file], failing[file])
        table.add_row(file, *map(str, counts))
    table.add_section()
    everything = (tests, compared, differing, failing)
    table.add_row("all", *(str(each.total()) for each in everything))
    return table


def remarks(first: Round, again: Sequence[Round], findings: Mapping[str, Finding]) -> list[str]:
    """What the table does not say: how it ended elsewhere, and each test that differs."""
    on_plain = Counter(first.plain.outcomes.values())
    others = ", ".join(
        f"{on_plain[outcome]} {outcome}"
        for outcome in Outcome
        if outcome is not Outcome.PASSED
        if on_plain[outcome]
    )
    lines = [f"not compared, for on the plain worker they do not pass: {others or 'none'}"]
    for file, why in sorted(first.plain.uncollected.items()):
        reason = why.splitlines()[-1] if why else "no reason is known"
        lines.append(f"not run: {file} ({escape(reason)})")
    for test, finding in findings.items():
        colour = "red" if finding is Finding.FAILS else "yellow"
        lines.append(f"[{colour}]{finding}[/]: {escape(test)}")
        outcomes = [first, *again]
        plain = ", ".join(each.plain.of(test) for each in outcomes)
        shop = ", ".join(each.shop.of(test) for each in outcomes)
        lines.append(f"  plain: {plain}; shop: {shop}")
        if said := first.shop.reasons.get(test):
            lines.append(f"  {escape(said.splitlines()[0])}")
    return lines


def verdict(first: Round, findings: Mapping[str, Finding]) -> str:
    failing = len(_failing(findings))
    again = f", {len(findings)} of them run again" if findings else ""
    return (
        f"{len(first.plain.outcomes)} tests, {len(first.compared)} compared{again}: "
        f"{failing or 'none'} that {'passes' if failing == 1 else 'pass'} on a plain worker "
        f"{'fails' if failing == 1 else 'fail'} on the shop's"
    )


def as_json(
    first: Round, findings: Mapping[str, Finding], *, version: str, took_s: float
) -> dict[str, Any]:
    return {
        "celery": version,
        "took_s": round(took_s, 1),
        "tests": len(first.plain.outcomes),
        "compared": len(first.compared),
        "failing": _failing(findings),
        "findings": dict(findings),
        "uncollected": first.plain.uncollected,
        "outcomes": {
            test: {"plain": said, "shop": first.shop.of(test)}
            for test, said in sorted(first.plain.outcomes.items())
        },
    }


def _failing(findings: Mapping[str, Finding]) -> list[str]:
    return [test for test, finding in findings.items() if finding is Finding.FAILS]


def _by_file(tests: Sequence[str]) -> Counter[str]:
    return Counter(test.partition("::")[0].rpartition("/")[2] for test in tests)
