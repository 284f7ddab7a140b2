"""A sabotage is noticed by what it spoils, and the sound shop is not."""

import pytest

from loadtest.running.sabotage import holds, is_noticed
from loadtest.verdict.priority import MAIN_RATIO
from loadtest.verdict.verdict import Conclusion, Interval, Verdict

BAD, GOOD = Interval(200.0, 300.0, 400.0), Interval(1.0, 1.1, 1.3)


def verdict(conclusion: Conclusion, ratio: Interval | None) -> Verdict:
    return Verdict(conclusion, [], [], {} if ratio is None else {MAIN_RATIO: ratio})


@pytest.mark.parametrize(
    ("conclusion", "ratio", "noticed"),
    [
        (Conclusion.FAIL, BAD, True),
        # Something else was wrong, such as an order that was lost.
        (Conclusion.FAIL, GOOD, False),
        (Conclusion.FAIL, None, False),
        (Conclusion.INCONCLUSIVE, BAD, False),
        (Conclusion.PASS, GOOD, False),
    ],
)
def test_a_red_verdict_is_one_for_the_waits(
    conclusion: Conclusion, ratio: Interval | None, noticed: bool
) -> None:
    assert is_noticed(verdict(conclusion, ratio)) == noticed


@pytest.mark.parametrize(
    ("conclusion", "ratio", "held"),
    [
        # Without a control there is no PASS.
        (Conclusion.INCONCLUSIVE, GOOD, True),
        (Conclusion.INCONCLUSIVE, BAD, False),
        (Conclusion.INCONCLUSIVE, None, False),
        (Conclusion.FAIL, GOOD, False),
    ],
)
def test_the_sound_shop_has_to_hold(
    conclusion: Conclusion, ratio: Interval | None, held: bool
) -> None:
    assert holds(verdict(conclusion, ratio)) == held
