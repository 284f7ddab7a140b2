"""What is known of an operation, step by step."""

import json

import pytest

from loadtest.history import Outcome
from loadtest.schedule import Kind, Operation
from loadtest.users.flight import Flight, Place, moment_ms


@pytest.fixture
def flight() -> Flight:
    place = Place(block=3, set_number=1, kind=Kind.FLOOD)
    return Flight(place, Operation.ORDER, "7-o1", 0.25, intended_ms=1_000.0)


def answered(flight: Flight, status: int, body: bytes, **headers: str) -> Flight:
    flight.answer(status, headers, body, sent_ms=1_001.0, answered_ms=1_005.0)
    return flight


@pytest.mark.parametrize("status", [200, 202])
def test_an_accepted_order_is_under_way(flight: Flight, status: int) -> None:
    sample = answered(flight, status, b'{"task_id": "t1"}').sample()
    assert (flight.is_accepted, flight.outcome) == (True, None)
    assert (sample.outcome, sample.task_id) == (Outcome.UNFINISHED, "t1")
    assert (sample.lag_ms, sample.accept_ms) == (1.0, 5.0)
    assert (sample.block, sample.set_number, sample.kind) == (3, 1, Kind.FLOOD)


def test_a_refused_order_was_shed(flight: Flight) -> None:
    sample = answered(flight, 503, b"{}", **{"retry-after": "5"}).sample()
    assert (sample.outcome, sample.retry_after_s) == (Outcome.SHED, 5.0)
    assert not flight.is_accepted


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"oops"), (422, b"{}"), (202, b"{}"), (202, b"no JSON"), (200, b"[]"), (202, b"\xff")],
)
def test_any_other_answer_is_an_error(flight: Flight, status: int, body: bytes) -> None:
    sample = answered(flight, status, body).sample()
    assert (sample.outcome, sample.http_status) == (Outcome.ERROR, status)


def test_no_answer_is_an_error_with_its_reason(flight: Flight) -> None:
    flight.fail("no answer within 10 s", None, 11_000.0)
    sample = flight.sample()
    assert (sample.outcome, sample.error) == (Outcome.ERROR, "no answer within 10 s")
    assert sample.lag_ms is None


def test_a_dropped_one_was_never_sent(flight: Flight) -> None:
    flight.drop(400)
    sample = flight.sample()
    assert (sample.outcome, sample.sent_ms, sample.answered_ms) == (Outcome.DROPPED, None, None)


TIMINGS = {
    "first_enqueued_at": "2026-01-01T00:00:00.005Z",
    "enqueued_at": "2026-01-01T00:00:02.005Z",
    "received_at": "2026-01-01T00:00:02.010Z",
    "started_at": "2026-01-01T00:00:02.025Z",
    "finished_at": "2026-01-01T00:00:02.100Z",
    "deliveries": 2,
}


def test_a_finished_task_fills_the_sample(flight: Flight) -> None:
    answered(flight, 202, b'{"task_id": "t1"}')
    assert flight.report({"ready": True, "state": "SUCCESS", "timings": TIMINGS})
    sample = flight.sample()
    assert (sample.outcome, sample.deliveries) == (Outcome.DONE, 2)
    assert (sample.wait_ms, sample.broker_ms, sample.prefetch_ms, sample.run_ms) == (
        2_020.0,
        2_005.0,
        15.0,
        75.0,
    )


def test_without_a_first_publication_the_last_counts(flight: Flight) -> None:
    timings = {name: at for name, at in TIMINGS.items() if name != "first_enqueued_at"}
    flight.report({"ready": True, "state": "SUCCESS", "timings": timings})
    assert flight.sample().wait_ms == 20.0


def test_a_task_that_waits_is_not_finished(flight: Flight) -> None:
    waiting = {"enqueued_at": TIMINGS["enqueued_at"], "started_at": None, "deliveries": 0}
    assert not flight.report({"ready": False, "state": "PENDING", "timings": waiting})
    assert flight.outcome is None
    assert flight.sample().wait_ms is None


def test_a_failed_task_says_why(flight: Flight) -> None:
    view = {"ready": True, "state": "FAILURE", "error": "InvalidTask: qty", "timings": {}}
    assert flight.report(json.loads(json.dumps(view)))
    sample = flight.sample()
    assert (sample.outcome, sample.error) == (Outcome.FAILED, "InvalidTask: qty")


def test_stamps_become_milliseconds() -> None:
    assert moment_ms("2026-01-01T00:00:00.005Z") == 1767225600005.0
    assert moment_ms(None) is None
