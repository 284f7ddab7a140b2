"""A shopper's whole way: an order, a look at it now and then, and its invoice."""

from collections.abc import Callable
from typing import Any

import gevent
from locust.event import EventHook

from loadtest.history import Outcome
from loadtest.users.flight import Flight
from loadtest.users.invoice import Invoice, judge
from loadtest.users.series import NAMES, Refusal
from loadtest.users.traffic import Traffic
from loadtest.users.walker import Departure
from loadtest.users.wire import OK, Answer, Unanswered

#: Somebody who looks again and again, ever less often.
FIRST_LOOK_S, LONGEST_LOOK_S = 0.2, 2.0
GIVES_UP_AFTER_S = 120.0


class Shopping:
    """Each step is a series of its own, beside the three that every order has."""

    def __init__(self, traffic: Traffic, request: EventHook) -> None:
        self._traffic = traffic
        self._request = request

    def __call__(self, departure: Departure) -> None:
        flight = self._traffic.place(departure)
        if not flight.is_accepted:
            return
        self._look_again_until(lambda: self._is_processed(flight))
        self._traffic.finished(flight)
        if flight.outcome is not Outcome.DONE:
            return
        invoice = Invoice.LATER

        def is_decided() -> bool:
            nonlocal invoice
            invoice = self._ask_for_invoice(departure.name)
            return invoice is not Invoice.LATER

        self._look_again_until(is_decided)
        failure = None if invoice is Invoice.THERE else Refusal(f"invoice: {invoice.value}")
        now_ms = self._traffic.clock.now_ms()
        self._fire(
            "order to invoice", NAMES[flight.operation], now_ms - flight.intended_ms, failure
        )

    def _is_processed(self, flight: Flight) -> bool:
        answer = self._get(f"/status/{flight.task_id}", "/status/{task_id}", lambda _: None)
        if answer is None or answer.status != OK:
            return False
        try:
            view: Any = answer.json()
            return isinstance(view, dict) and flight.report(view)
        except ValueError:
            return False

    def _ask_for_invoice(self, order_id: str) -> Invoice:
        answer = self._get(f"/invoice/{order_id}", "/invoice/{order_id}", _not_an_invoice)
        return Invoice.LATER if answer is None else _judged(answer)

    def _get(
        self, path: str, name: str, failure_of: Callable[[Answer], Exception | None]
    ) -> Answer | None:
        """None if no answer came."""
        wire = self._traffic.sending
        try:
            answer = wire.exchange(wire.get(path))
        except Unanswered as error:
            self._fire("GET", name, None, Refusal(f"error: {error}"))
            return None
        span_ms = (answer.answered_s - answer.sent_s) * 1000
        self._fire("GET", name, span_ms, failure_of(answer), len(answer.body))
        return answer

    def _fire(
        self, kind: str, name: str, span_ms: float | None, failure: Exception | None, size: int = 0
    ) -> None:
        self._request.fire(
            request_type=kind,
            name=name,
            response_time=span_ms,
            response_length=size,
            exception=failure,
            context={},
        )

    def _look_again_until(self, is_over: Callable[[], bool]) -> None:
        """Gives up in the end."""
        deadline_s = self._traffic.clock.now_s() + GIVES_UP_AFTER_S
        pause_s = FIRST_LOOK_S
        while not is_over() and self._traffic.clock.now_s() < deadline_s:
            gevent.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LONGEST_LOOK_S)


def _judged(answer: Answer) -> Invoice:
    return judge(answer.status, answer.headers, answer.body)


def _not_an_invoice(answer: Answer) -> Exception | None:
    if _judged(answer) is Invoice.NEVER:
        return Refusal(f"no PDF: status {answer.status}")
    return None
