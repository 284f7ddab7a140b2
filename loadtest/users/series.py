"""Three series for each operation in Locust's statistics: accept, wait, end to end."""

from collections import deque

from locust.event import EventHook

from loadtest.history import Outcome, Sample, clock_ahead_ms
from loadtest.schedule import Operation

PATHS = {Operation.ORDER: "/order", Operation.NOTIFICATION: "/test_notification"}
NAMES = {operation: f"POST {path}" for operation, path in PATHS.items()}
#: Enough to tell how far two clocks are apart.
REMEMBERED = 100


class Refusal(Exception):
    """Why an operation counts as a failure; Locust counts equal ones together."""


class Series:
    """Fires Locust's request event for each stage that an operation has passed."""

    def __init__(self, request: EventHook) -> None:
        self._request = request
        self._recent = deque[Sample](maxlen=REMEMBERED)

    def answered(self, sample: Sample) -> None:
        """It was accepted, refused or dropped."""
        self._fire("accept", sample, sample.accept_ms, _refusal(sample))

    def finished(self, sample: Sample) -> None:
        """What was accepted has ended, or was given up."""
        self._recent.append(sample)
        failure = None if sample.outcome is Outcome.DONE else Refusal(f"{sample.outcome}")
        self._fire("wait", sample, sample.wait_ms, failure)
        span_ms = sample.end_to_end_ms(clock_ahead_ms(self._recent))
        self._fire("end to end", sample, span_ms, failure)

    def _fire(
        self, kind: str, sample: Sample, span_ms: float | None, failure: Exception | None
    ) -> None:
        self._request.fire(
            request_type=kind,
            name=NAMES[sample.operation],
            response_time=span_ms,
            response_length=0,
            exception=failure,
            context={},
        )


def _refusal(sample: Sample) -> Refusal | None:
    match sample.outcome:
        case Outcome.SHED:
            after = f"Retry-After {sample.retry_after_s:g}" if sample.retry_after_s else "no advice"
            return Refusal(f"shed: 503, {after}")
        case Outcome.DROPPED:
            return Refusal(f"dropped: {sample.error}")
        case Outcome.ERROR:
            said = f"status {sample.http_status}" if sample.http_status else sample.error
            return Refusal(f"error: {said}")
    return None
