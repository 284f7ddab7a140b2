"""The last minutes of a test, in buckets."""

from loadtest.history import Walked
from loadtest.schedule import Arm, Kind
from loadtest.web.timeline import NOW_S, Course, Floods, Ranks, bucket_s


def course_of(*values: tuple[float, float]) -> Course:
    course = Course()
    for at_s, value_ms in values:
        course.add(at_s, value_ms)
    return course


def walked(kind: Kind, began_ms: float, ended_ms: float) -> Walked:
    return Walked(Arm.MAIN, 0, 0, kind, began_ms, ended_ms, None)


def test_ranks_are_values_that_were_really_seen() -> None:
    assert Ranks.of(range(1, 101)) == Ranks(100, 50, 95, 99, 100)
    assert Ranks.of([7.5]) == Ranks(1, 7.5, 7.5, 7.5, 7.5)
    assert Ranks.of([]) is None


def test_a_bucket_stands_at_its_middle_and_holds_what_arose_within_it() -> None:
    course = course_of((0.1, 10.0), (1.9, 30.0), (4.0, 7.0))

    assert [(at_s, ranks.count, ranks.max_ms) for at_s, ranks in course.curve(2)] == [
        (1.0, 2, 30.0),
        (5.0, 1, 7.0),
    ]


def test_what_comes_late_into_a_bucket_that_was_shown_counts_in_it() -> None:
    course = course_of((0.5, 10.0))
    assert course.curve(2)[0][1].max_ms == 10.0

    course.add(0.6, 99.0)

    assert course.curve(2)[0][1] == Ranks(2, 10.0, 99.0, 99.0, 99.0)


def test_now_is_the_last_seconds_only() -> None:
    course = course_of((1.0, 500.0), (1.0 + NOW_S, 10.0), (1.5 + NOW_S, 20.0))

    latest = course.latest(2.5 + NOW_S)

    assert latest is not None
    assert (latest.count, latest.max_ms) == (2, 20.0)
    assert course.latest(100.0) is None
    assert (course.all() or latest).count == 3


def test_what_is_forgotten_is_in_no_curve() -> None:
    course = course_of((1.0, 500.0), (9.0, 10.0))
    course.curve(2)

    course.forget_before(8.0)

    assert [at_s for at_s, _ in course.curve(2)] == [9.0]
    assert (course.all() or Ranks(0, 0, 0, 0, 0)).count == 1


def test_an_old_test_has_wider_buckets_and_no_more_points() -> None:
    assert bucket_s(300) == 2
    assert bucket_s(600) == 4


def test_a_flood_lasts_from_the_first_look_that_saw_it_to_the_last() -> None:
    floods = Floods()
    for at_ms, is_flood in ((0, False), (1, True), (2, True), (3, False), (5, True)):
        floods.look(at_ms, is_flood=is_flood)

    assert floods.spans([], since_ms=0) == [(1, 2), (5, 5)]


def test_a_block_that_is_over_tells_better_than_looking_when_its_flood_was() -> None:
    floods = Floods()
    for at_ms in (100.0, 600.0, 1100.0):
        floods.look(at_ms, is_flood=True)
    blocks = [walked(Kind.FLOOD, 50.0, 1000.0), walked(Kind.IDLE, 2000.0, 3000.0)]

    assert floods.spans(blocks, since_ms=0) == [(50.0, 1000.0)]
    assert floods.spans(blocks, since_ms=1500.0) == []
