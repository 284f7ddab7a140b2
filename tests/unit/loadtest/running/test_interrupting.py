"""Ctrl-C and SIGTERM, once and again."""

import os
import signal

import pytest

from loadtest.running.interrupting import ended_in_peace


@pytest.fixture(autouse=True)
def _handlers() -> object:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_interrupts_and_the_next_leave_the_ending_alone(number: int) -> None:
    ended = list[str]()

    def run() -> None:
        try:
            os.kill(os.getpid(), number)
        finally:
            for again in (signal.SIGINT, signal.SIGTERM):
                os.kill(os.getpid(), again)
            ended.append("everything")

    with pytest.raises(KeyboardInterrupt), ended_in_peace():
        run()

    assert ended == ["everything"]


def test_python_may_end_in_peace_too() -> None:
    with pytest.raises(KeyboardInterrupt), ended_in_peace():
        os.kill(os.getpid(), signal.SIGTERM)

    os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_that_was_ignored_stays_so() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    with ended_in_peace():
        os.kill(os.getpid(), signal.SIGINT)


def test_without_a_signal_all_is_as_before() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with ended_in_peace():
        pass

    assert signal.getsignal(signal.SIGTERM) is before
