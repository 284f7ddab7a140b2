"""Everything that a run leaves besides its history, which was written as it happened."""

import json
from collections.abc import Mapping, Sequence

from loadtest.history import Event
from loadtest.report.html import render
from loadtest.report.plots.gallery import draw
from loadtest.report.plots.ratios import PRIORITY_BOUNDS
from loadtest.report.plots.timeline import Window
from loadtest.results import latencies
from loadtest.results.folder import RunFolder
from loadtest.results.manifest import Manifest
from loadtest.schedule import Schedule
from loadtest.verdict.figures import figures
from loadtest.verdict.overload import OVERLOAD_BAR
from loadtest.verdict.record import Record
from loadtest.verdict.verdict import Verdict

#: What is marked among an experiment's ratios.
_BOUNDS: Mapping[str, Mapping[float, str]] = {
    "priority-under-flood": PRIORITY_BOUNDS,
    "service-time-sweep": PRIORITY_BOUNDS,
    "overload": {OVERLOAD_BAR: "to pass: at most"},
}


def write_run(
    folder: RunFolder,
    manifest: Manifest,
    schedule: Schedule,
    events: Sequence[Event],
    verdict: Verdict | None,
    *,
    faults: Sequence[Window] = (),
    why_incomplete: str | None = None,
) -> None:
    """Write the manifest, schedule, verdict, histograms, plots and page.

    No verdict means that the run was cut off: what there is, is drawn all the same. Raises
    `FolderUnusable`.
    """
    record = Record.of(events)
    with folder.explained():
        # The small and certain first: should the disk fill, these are what is missed most.
        manifest.write(folder.manifest)
        write_schedule(folder, schedule)
        if verdict is not None:
            text = json.dumps(verdict.as_json(), indent=2, ensure_ascii=False)
            folder.verdict.write_text(text + "\n", encoding="utf-8")
        latencies.write(folder.path, record.samples, record.walked)
        plots = draw(events, verdict, faults=faults, bounds=_BOUNDS.get(manifest.experiment, {}))
        folder.plots.mkdir(exist_ok=True)
        for plot in plots:
            (folder.plots / f"{plot.name}.png").write_bytes(plot.png)
        page = render(
            manifest,
            verdict,
            plots,
            replay=f"python -m loadtest replay {folder.path}",
            figures=figures(record),
            why_incomplete=why_incomplete,
        )
        folder.report.write_text(page, encoding="utf-8")


def write_schedule(folder: RunFolder, schedule: Schedule) -> None:
    """The schedule with its hash, in the form that `sha256sum --check` reads."""
    schedule.write(folder.schedule)
    line = f"{schedule.sha256}  {folder.schedule.name}\n"
    folder.schedule_sha256.write_text(line, encoding="ascii")
