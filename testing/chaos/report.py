"""What a run has shown: a table for the terminal, and one HTML file with its timeline."""

import html
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.table import Table

from testing.chaos.outcome import Outcome
from testing.history import Effect, Event, History, Kind, Phase, read_history

WIDTH, HEIGHT, MARGIN = 1_000, 260, 40
COLOURS = ("#1f6feb", "#1a7f37", "#bc4c00")
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Chaos run: {verdict}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem }}
h1 span {{ color: {colour} }} table {{ border-collapse: collapse; margin: 1rem 0 }}
td, th {{ border: 1px solid #ccc; padding: .2rem .7rem; text-align: left }}
svg {{ width: 100%; height: auto }} code {{ background: #eee; padding: .1rem .3rem }}
</style>
<h1>Chaos run: <span>{verdict}</span></h1>
<p>Run it again: <code>{again}</code></p>
{reasons}
<h2>Timeline</h2>
{timeline}
<h2>Figures</h2>
{figures}
<h2>Faults</h2>
{faults}
{violations}
</html>
"""


def figures(outcome: Outcome) -> list[tuple[str, str]]:
    """What the run came to, a row each."""
    counts, again = outcome.judgement.counts, outcome.judgement.duplicates
    drain = "not in time" if outcome.drain_s is None else f"{outcome.drain_s:.1f} s"
    after = outcome.drain_after_fault_s
    slowest = f"{outcome.finishes[0].after_s:.1f} s" if outcome.finishes else "-"
    return [
        ("verdict", outcome.verdict.value),
        ("seed, profile", f"{outcome.plan.seed}, {outcome.plan.profile.name}"),
        ("orders sent, accepted", f"{counts.orders_sent}, {counts.orders_accepted}"),
        ("sends of orders", _listed(counts.order_sends)),
        ("orders at the end", _listed(counts.orders)),
        ("invoices, mails", f"{counts.invoices}, {counts.mails}"),
        ("notifications at the end", _listed(counts.notifications)),
        ("faults that took hold", _listed(counts.faults)),
        *((f"violations: {check}", str(count)) for check, count in counts.violations.items()),
        ("repeated deliveries (allowed)", _listed(again.deliveries)),
        ("repeated mails (allowed)", str(again.mails)),
        ("drained after the last fault or answer", drain),
        ("drained after the last fault", "-" if after is None else f"{after:.1f} s"),
        ("the slowest after it of what was accepted before", slowest),
        ("ended by themselves, restarted", _listed(outcome.restarts)),
        ("stalls that the watchdog ended", str(outcome.stalls)),
        ("arrivals waited for the backlog", f"{outcome.arrivals_waited_s:.1f} s"),
        ("took", f"{outcome.took_s:.0f} s"),
    ]


def summary(outcome: Outcome) -> Table:
    table = Table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in figures(outcome):
        table.add_row(name, value)
    return table


def write_report(folder: Path, outcome: Outcome, again: str) -> None:
    """`report.html`, from what the run left in `folder`; it needs no other file."""
    history = read_history(folder / "history.jsonl")
    violations = [
        (violation.check.value, violation.subject, violation.what)
        for violation in outcome.judgement.violations
    ]
    page = PAGE.format(
        verdict=outcome.verdict.value,
        colour="#1a7f37" if outcome.verdict == "valid" else "#cf222e",
        again=html.escape(again),
        reasons=_list(outcome.reasons),
        timeline=_timeline(history),
        figures=_table(figures(outcome)),
        faults=_table(_fault_rows(history)),
        violations=f"<h2>Violations</h2>{_table(violations)}" if violations else "",
    )
    (folder / "report.html").write_text(page, encoding="utf-8")


def _timeline(history: History) -> str:
    begin_ms, end_ms = history.events[0].at_ms, history.events[-1].at_ms
    seconds = max(1, (end_ms - begin_ms) // 1000 + 1)
    series = {
        "accepted": _per_second(begin_ms, (e for e in history.events if _is_accepted(e))),
        "stock taken": _per_second(
            begin_ms, (e for e in history.events if e.data.get("effect") == Effect.STOCK_TAKEN)
        ),
        "mails": _per_second(
            begin_ms, (e for e in history.events if e.data.get("effect") == Effect.MAIL_DELIVERED)
        ),
    }
    top = max([1, *(count for counts in series.values() for count in counts.values())])
    x_scale, y_scale = (WIDTH - 2 * MARGIN) / seconds, (HEIGHT - 2 * MARGIN) / top
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-size="11">']
    for name, from_ms, to_ms in _windows(history, end_ms):
        left = MARGIN + (from_ms - begin_ms) / 1000 * x_scale
        width = max(2.0, (to_ms - from_ms) / 1000 * x_scale)
        parts.append(
            f'<rect x="{left:.1f}" y="{MARGIN}" width="{width:.1f}" height="{HEIGHT - 2 * MARGIN}"'
            f' fill="#cf222e" opacity=".18"><title>{html.escape(name)}</title></rect>'
        )
    for (name, counts), colour, place in zip(series.items(), COLOURS, range(3), strict=True):
        points = " ".join(
            f"{MARGIN + s * x_scale:.1f},{HEIGHT - MARGIN - counts[s] * y_scale:.1f}"
            for s in range(seconds)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
        at = MARGIN + place * 140
        parts.append(f'<text x="{at}" y="20" fill="{colour}">{name}, per second</text>')
    bottom = HEIGHT - MARGIN
    parts.append(
        f'<path d="M{MARGIN} {MARGIN}V{bottom}H{WIDTH - MARGIN}" fill="none" stroke="#666"/>'
    )
    parts.append(f'<text x="4" y="{MARGIN + 4}">{top}</text>')
    parts += [
        f'<text x="{MARGIN + s * x_scale:.0f}" y="{bottom + 16}">{s} s</text>'
        for s in range(0, seconds, max(1, seconds // 10))
    ]
    parts.append(
        f'<text x="{MARGIN + 3 * 140}" y="20" fill="#cf222e">faults are shaded</text></svg>'
    )
    return "\n".join(parts)


def _is_accepted(event: Event) -> bool:
    return event.kind is Kind.ANSWER and event.data["status"] in (200, 202)


def _per_second(begin_ms: int, events: Iterable[Event]) -> Counter[int]:
    return Counter((event.at_ms - begin_ms) // 1000 for event in events)


def _windows(history: History, end_ms: int) -> list[tuple[str, int, int]]:
    """Each fault from its first phase to its last."""
    times: dict[tuple[str, str], list[int]] = defaultdict(list)
    healed = set()
    for event in history.events:
        if event.kind is Kind.FAULT:
            key = event.subject, event.data["fault"]
            times[key].append(event.at_ms)
            if event.data["phase"] == Phase.HEALED:
                healed.add(key)
    return [(key[0], seen[0], seen[-1] if key in healed else end_ms) for key, seen in times.items()]


def _fault_rows(history: History) -> list[tuple[str, str, str]]:
    begin_ms = history.events[0].at_ms
    return [
        (
            f"{(event.at_ms - begin_ms) / 1000:.1f} s",
            f"{event.subject}: {event.data['phase']}",
            ", ".join(
                f"{name} {value}"
                for name, value in event.data.items()
                if name not in ("fault", "phase")
            ),
        )
        for event in history.events
        if event.kind is Kind.FAULT
    ]


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows)
    return "<table>" + "\n".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
