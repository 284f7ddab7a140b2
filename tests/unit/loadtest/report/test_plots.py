"""Pictures: drawn from whatever a run left, and small enough for a page."""

import io
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from PIL import Image

from loadtest.history import Event, Sample, Walked
from loadtest.report.plots.gallery import draw
from loadtest.report.plots.memory import growth_bytes, plot_memory
from loadtest.report.plots.ratios import plot_ratios
from loadtest.report.plots.style import Plot, ms, spread
from loadtest.report.plots.timeline import Window
from loadtest.report.plots.waits import plot_waits
from loadtest.schedule import Arm, Kind
from loadtest.verdict.priority import judge_priority
from loadtest.verdict.record import Record
from loadtest.verdict.verdict import Interval
from tests.unit.loadtest.made_up_run import (
    START_MS,
    made_up_memory,
    made_up_run,
    made_up_schedule,
    with_orders_shed,
)

SCHEDULE = made_up_schedule()
EVENTS = made_up_run(SCHEDULE)


def assert_drawn(plot: Plot) -> None:
    ElementTree.fromstring(plot.svg)
    with Image.open(io.BytesIO(plot.png)) as image:
        image.verify()
        assert image.width == 1600


def test_the_waits_say_what_the_flood_did() -> None:
    plots = draw(EVENTS, judge_priority(SCHEDULE, EVENTS, resamples=100))
    assert [plot.name for plot in plots] == ["waits", "ratios", "percentiles"]
    for plot in plots:
        assert_drawn(plot)
    assert plots[0].title == (
        "A flood takes the probes' p95 wait from 7 ms to 11 ms; in the control from 7 ms to 18 s"
    )


def only_main(events: list[Event]) -> list[Event]:
    return [
        event for event in events if not isinstance(event, Sample | Walked) or event.arm is Arm.MAIN
    ]


@pytest.mark.parametrize(
    ("events", "names"),
    [
        ([], []),
        (only_main(EVENTS), ["waits", "percentiles"]),
        ([event for event in EVENTS if isinstance(event, Sample)], ["waits", "percentiles"]),
        ([event for event in EVENTS if not isinstance(event, Sample)], []),
        (EVENTS[:1], ["waits"]),
        (with_orders_shed(EVENTS), ["overload", "waits", "percentiles"]),
        (list(made_up_memory(2)), ["memory"]),
    ],
    ids=["nothing", "no control", "no block", "no sample", "one sample", "overload", "memory"],
)
def test_draws_what_there_is(events: list[Event], names: list[str]) -> None:
    plots = draw(events, None)
    assert [plot.name for plot in plots] == names
    for plot in plots:
        assert_drawn(plot)


def test_a_steady_load_is_compared_with_itself() -> None:
    events = [
        replace(event, kind=Kind.STEADY) if isinstance(event, Sample | Walked) else event
        for event in only_main(EVENTS)
    ]
    plot = plot_waits(Record.of(events))
    assert plot is not None
    assert "in the first tenth" in plot.title


def test_no_picture_refers_to_anything_outside() -> None:
    for plot in draw([*with_orders_shed(EVENTS), *made_up_memory(2)], None):
        assert "http" not in plot.svg
        assert plot.svg.startswith("<svg")
        assert "#ffffff" not in plot.svg  # its page may be dark


def test_names_in_two_pictures_differ() -> None:
    first, second = draw(EVENTS, None)[:2]

    def names(plot: Plot) -> set[str]:
        return {e.attrib["id"] for e in ElementTree.fromstring(plot.svg).iter() if "id" in e.attrib}

    assert names(first)
    assert not names(first) & names(second)


def test_a_fault_is_shaded_and_named() -> None:
    window = Window("redis killed", START_MS + 3_000, START_MS + 6_000)
    plain, shaded = (plot_waits(Record.of(EVENTS), faults) for faults in ([], [window]))
    assert plain is not None
    assert shaded is not None
    assert "var(--plot-fault)" not in plain.svg
    assert "var(--plot-fault)" in shaded.svg


def test_a_long_run_stays_small() -> None:
    """Thirty minutes, and 30 000 probes."""
    events = only_main(made_up_run(made_up_schedule(15, 0, 20.0)))
    plot = plot_waits(Record.of(events))
    assert plot is not None
    assert len(plot.svg) < 1_500_000


def test_ratios_without_a_place_on_the_axis_are_drawn_at_its_end() -> None:
    plot = plot_ratios({"drift": Interval(-1.0, 0.0, 2.0)}, {})
    assert plot is not None
    assert_drawn(plot)
    assert plot_ratios({"endless": Interval(1.0, 2.0, float("inf"))}) is None


def test_what_grew_is_named() -> None:
    plot = plot_memory(made_up_memory(60, {"api": 0.0, "worker": 30.0}))
    assert plot is not None
    assert plot.title.startswith("worker grew most: +2")
    steady = made_up_memory(60, {"api": 0.0})
    assert abs(growth_bytes(steady)) < 1 << 20


@pytest.mark.parametrize(
    ("value_ms", "text"),
    [
        (0.84, "0.84 ms"),
        (4.0, "4 ms"),
        (4.44, "4.4 ms"),
        (12.3, "12 ms"),
        (1000.0, "1 s"),
        (9_800.0, "9.8 s"),
        (37_400.0, "37 s"),
        (180_000.0, "3 min"),
    ],
)
def test_times_are_written_for_people(value_ms: float, text: str) -> None:
    assert ms(value_ms) == text


def test_labels_keep_their_distance_and_their_order() -> None:
    wanted = [5.0, 1.0, 1.1, 1.2]
    places = spread(wanted, 1.0)
    ordered = sorted(places)
    assert all(b - a >= 0.999 for a, b in pairwise(ordered))
    assert places.index(max(places)) == 0
    assert places[0] == 5.0
    assert places[1] < places[2] < places[3]
