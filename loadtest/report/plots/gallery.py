"""All pictures that a run has material for."""

from collections.abc import Mapping, Sequence

from loadtest.history import Event, Memory, Outcome
from loadtest.report.plots.memory import plot_memory
from loadtest.report.plots.overload import plot_overload
from loadtest.report.plots.percentiles import plot_percentiles
from loadtest.report.plots.ratios import plot_ratios
from loadtest.report.plots.style import Plot
from loadtest.report.plots.timeline import Window
from loadtest.report.plots.waits import plot_waits
from loadtest.verdict.record import Record
from loadtest.verdict.verdict import Verdict


def draw(
    events: Sequence[Event],
    verdict: Verdict | None,
    *,
    faults: Sequence[Window] = (),
    bounds: Mapping[float, str] | None = None,
) -> list[Plot]:
    """In the order in which they are to be looked at."""
    record = Record.of(events)
    memory = [event for event in events if isinstance(event, Memory)]
    sheds = any(sample.outcome is Outcome.SHED for sample in record.samples)
    plots = [
        plot_overload(record, faults) if sheds else None,
        plot_waits(record, faults),
        plot_ratios(verdict.ratios, bounds) if verdict else None,
        plot_percentiles(record),
        plot_memory(memory, record.walked, faults),
    ]
    return [plot for plot in plots if plot is not None]
