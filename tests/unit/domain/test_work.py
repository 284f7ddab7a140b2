"""Spans between a task's stamps."""

import pytest

from shop.domain.work import Timings


def test_spans_between_stamps() -> None:
    timings = Timings(
        enqueued_at_ms=1_000, received_at_ms=1_200, started_at_ms=1_250, finished_at_ms=2_000
    )

    assert timings.queue_wait_ms == 250
    assert timings.run_ms == 750


@pytest.mark.parametrize(
    "timings",
    [Timings(), Timings(enqueued_at_ms=1), Timings(started_at_ms=1), Timings(finished_at_ms=1)],
)
def test_without_both_ends_there_is_no_span(timings: Timings) -> None:
    assert timings.queue_wait_ms is None
    assert timings.run_ms is None


def test_a_task_that_was_started_before_it_was_sent_again_did_not_wait() -> None:
    assert Timings(enqueued_at_ms=2_000, started_at_ms=1_000).queue_wait_ms == 0
