"""What a page is shown."""

import subprocess
import sys
from dataclasses import replace

import pytest

from loadtest.history import Depth, Outcome, Sample, Walked
from loadtest.schedule import Arm, Kind, Operation
from loadtest.users.live import SAMPLES_KEPT, Live, Percentiles, Span

PROBE = Sample(
    arm=Arm.MAIN,
    block=0,
    set_number=0,
    kind=Kind.IDLE,
    operation=Operation.NOTIFICATION,
    key="n",
    at_s=0.0,
    outcome=Outcome.DONE,
    intended_ms=1_000.0,
    sent_ms=1_001.0,
    answered_ms=1_005.0,
    first_enqueued_ms=1_003.0,
    received_ms=1_010.0,
    started_ms=1_013.0,
    finished_ms=1_113.0,
)


@pytest.fixture
def live() -> Live:
    return Live()


def test_percentiles_are_by_operation_and_kind(live: Live) -> None:
    for wait_ms in range(1, 101):
        live.add(replace(PROBE, started_ms=1_003.0 + wait_ms))
    live.add(replace(PROBE, kind=Kind.FLOOD, started_ms=2_003.0))
    live.add(replace(PROBE, operation=Operation.ORDER, started_ms=9_003.0))
    idle = live.percentiles(Span.WAIT, Operation.NOTIFICATION, Kind.IDLE)
    assert idle == Percentiles(100, p50_ms=50.0, p95_ms=95.0, p99_ms=99.0, max_ms=100.0)
    both = live.percentiles(Span.WAIT, Operation.NOTIFICATION)
    assert both is not None
    assert (both.count, both.max_ms) == (101, 1_000.0)


@pytest.mark.parametrize(
    ("span", "length_ms"),
    [
        (Span.LAG, 1.0),
        (Span.ACCEPT, 5.0),
        (Span.WAIT, 10.0),
        (Span.BROKER, 7.0),
        (Span.PREFETCH, 3.0),
        (Span.RUN, 100.0),
        (Span.END_TO_END, 113.0),
    ],
)
def test_each_span_has_its_length(live: Live, span: Span, length_ms: float) -> None:
    live.add(PROBE)
    found = live.percentiles(span, Operation.NOTIFICATION)
    assert found is not None
    assert found.p50_ms == length_ms


def test_what_has_no_such_span_does_not_count(live: Live) -> None:
    live.add(replace(PROBE, started_ms=None, outcome=Outcome.UNFINISHED))
    assert live.percentiles(Span.WAIT, Operation.NOTIFICATION) is None


def test_only_the_latest_are_kept_but_all_are_counted(live: Live) -> None:
    for number in range(SAMPLES_KEPT + 5):
        live.add(replace(PROBE, key=f"n{number}"))
    assert [sample.key for sample in live.samples()][:1] == ["n5"]
    assert live.outcomes(Operation.NOTIFICATION) == {Outcome.DONE: SAMPLES_KEPT + 5}


def test_what_is_older_can_be_left_out(live: Live) -> None:
    live.add(PROBE)
    live.add(replace(PROBE, key="late", intended_ms=5_000.0))
    assert [sample.key for sample in live.samples(since_ms=2_000.0)] == ["late"]
    live.add(Depth(1_000.0, 1, 0, 1, 0))
    live.add(Depth(5_000.0, 2, 0, 2, 0))
    assert [depth.default for depth in live.depths(since_ms=2_000.0)] == [2]


def test_a_new_test_begins_with_nothing(live: Live) -> None:
    live.add(PROBE)
    live.add(Depth(1_000.0, 1, 0, 1, 0))
    live.add(Walked(Arm.MAIN, 0, 0, Kind.IDLE, 1.0, 2.0, 3.0))
    live.problem = "no shop"
    live.clear(began_ms=9_000.0)
    assert (live.samples(), live.depths(), live.walked()) == ([], [], [])
    assert live.outcomes(Operation.NOTIFICATION) == {}
    assert (live.problem, live.began_ms) == (None, 9_000.0)


def test_a_page_can_be_built_and_tested_without_locust() -> None:
    program = "import sys, loadtest.users.live; print({'gevent', 'locust'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
