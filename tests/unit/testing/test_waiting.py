"""What a wait takes for an answer."""

from typing import Any

import pytest

from testing.waiting import TimedOut, wait_for


@pytest.mark.parametrize("answer", [0, True, "text", [0], {"a": 1}])
def test_what_is_there_is_an_answer(answer: Any) -> None:
    assert wait_for("it is there", lambda: answer, within_s=0.0) == answer


@pytest.mark.parametrize("answer", [None, False, "", [], (), {}, set()])
def test_what_is_not_is_none(answer: Any) -> None:
    with pytest.raises(TimedOut):
        wait_for("it is there", lambda: answer, within_s=0.0)


def test_it_waits_for_the_first_that_is() -> None:
    answers = [None, [], ["it"]]

    assert wait_for("it is there", lambda: answers.pop(0), within_s=30.0) == ["it"]
    assert answers == []
