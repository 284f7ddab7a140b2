"""How long a service waits to be started again, and when nobody waits any more."""

import pytest

from shop.local.restarts import MAX_ENDS, RestartPolicy


class Clock:
    """Goes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def policy(clock: Clock) -> RestartPolicy:
    return RestartPolicy(clock)


def run(policy: RestartPolicy, clock: Clock, for_s: float, *, asks: bool = False) -> float | None:
    """Started, ended after `for_s`, and waited for as long as the policy says."""
    policy.started()
    clock.now_s += for_s
    delay_s = policy.ended(asks_for_it=asks)
    clock.now_s += delay_s or 0.0
    return delay_s


def test_restarts_in_a_row_are_further_and_further_apart(
    policy: RestartPolicy, clock: Clock
) -> None:
    delays_s = [run(policy, clock, for_s=20.0) for _ in range(8)]
    assert delays_s == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_who_ran_for_a_minute_begins_anew(policy: RestartPolicy, clock: Clock) -> None:
    assert [run(policy, clock, for_s=20.0) for _ in range(3)] == [1.0, 2.0, 4.0]
    assert run(policy, clock, for_s=60.0) == 1.0
    assert run(policy, clock, for_s=59.9) == 2.0


def test_five_ends_within_a_minute_are_the_last(policy: RestartPolicy, clock: Clock) -> None:
    delays_s = [run(policy, clock, for_s=0.1) for _ in range(MAX_ENDS)]
    assert delays_s == [1.0, 2.0, 4.0, 8.0, None]


def test_five_ends_within_more_than_a_minute_are_not(policy: RestartPolicy, clock: Clock) -> None:
    # 4 x 11.5 s of running and 15 s of waiting lie between the first and the fifth.
    assert None not in [run(policy, clock, for_s=11.5) for _ in range(MAX_ENDS)]


def test_who_asks_to_be_started_again_is_at_once_and_counts(
    policy: RestartPolicy, clock: Clock
) -> None:
    delays_s = [run(policy, clock, for_s=1.0, asks=True) for _ in range(MAX_ENDS)]
    assert delays_s == [0.0, 0.0, 0.0, 0.0, None]


def test_an_end_of_each_kind_counts_for_the_other(policy: RestartPolicy, clock: Clock) -> None:
    delays_s = [run(policy, clock, for_s=1.0, asks=asks) for asks in (True, False, True, False)]
    assert delays_s == [0.0, 1.0, 0.0, 2.0]
    assert run(policy, clock, for_s=1.0) is None
