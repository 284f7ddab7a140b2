"""A run as one page, which opens with no network."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from loadtest.report.plots.style import Plot
from loadtest.report.tables import number, ratio, tables_of
from loadtest.results.manifest import Manifest
from loadtest.verdict.verdict import Verdict

_HERE = Path(__file__).parent
_TEMPLATE = "report.html.j2"
#: What is said of a run that ended before it was judged.
INCOMPLETE = "INCOMPLETE"


def render(
    manifest: Manifest,
    verdict: Verdict | None,
    plots: Sequence[Plot],
    *,
    replay: str,
    figures: Mapping[str, Mapping[str, float]] | None = None,
    why_incomplete: str | None = None,
) -> str:
    """The page: the verdict, the plots, the gates, the figures, and what it all depends on.

    `replay` is the command that repeats the run. Without a verdict, the page says
    `why_incomplete`, and shows `figures` of what there is.
    """
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined
    )
    environment.filters |= {"number": number, "ratio": ratio}
    why = why_incomplete or "the run ended before it was judged"
    reasons = list(verdict.reasons) if verdict else [why]
    return environment.get_template(_TEMPLATE).render(
        css=Markup((_HERE / "report.css").read_text(encoding="utf-8")),  # noqa: S704  (our own file)
        manifest=manifest,
        verdict=verdict,
        conclusion=verdict.conclusion.name if verdict else INCOMPLETE,
        reasons=reasons or [""],
        note=f"Marked as incomplete: {why_incomplete}" if verdict and why_incomplete else "",
        plots=plots,
        tables=tables_of((verdict.figures if verdict else figures) or {}),
        replay=replay,
        command=shlex.join(manifest.command),
        when=_when(manifest),
        commit=_commit(manifest),
        facts=_facts(manifest),
        details=_details(manifest),
    )


def _when(manifest: Manifest) -> str:
    started = _utc(manifest.started_utc)
    return f"{started} to {_utc(manifest.ended_utc)}" if manifest.ended_utc else started


def _utc(moment: str) -> str:
    """Without the part of the second."""
    return f"{moment[:10]} {moment[11:19]} UTC" if moment else "at an unknown time"


def _commit(manifest: Manifest) -> str:
    source = manifest.source
    return f"{source.get('commit', '?')}{' with changes' if source.get('dirty') else ''}"


def _facts(manifest: Manifest) -> dict[str, str]:
    """What a reader asks first."""
    hardware, software = manifest.machine, manifest.software
    loads = [
        f"{when} {values['1_min']}" for when, values in manifest.load.items() if "1_min" in values
    ]
    return {
        "Schedule, SHA-256": manifest.schedule_sha256,
        "Commit": _commit(manifest),
        "constraints.txt, SHA-256": manifest.source.get("constraints_sha256") or "no such file",
        "Processor": f"{hardware.get('cpu', '?')}, {hardware.get('usable_cpus', '?')} usable",
        "Memory": f"{hardware.get('memory_bytes', 0) / 2**30:.1f} GiB",
        "System": f"{software.get('system', '?')}, {software.get('kernel', '?')}",
        "Python": str(software.get("python", "?")),
        "Load, a minute's mean": ", ".join(loads) or "unknown",
    }


def _details(manifest: Manifest) -> dict[str, str]:
    packages = manifest.software.get("packages", {})
    details = {"Configuration": _json(manifest.configuration)}
    if manifest.images:
        details["Images"] = _json(manifest.images)
    for stack, facts in manifest.redis.items():
        details[f"Redis of {stack}"] = _json(facts)
    details[f"Packages ({len(packages)})"] = "\n".join(
        f"{name}=={version}" for name, version in packages.items()
    )
    details["manifest.json"] = manifest.as_text()
    return details


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
