"""A crowd of clients, against a server of a few lines."""

import json
from itertools import count

from loadtest.bench.crowd import Crowd, Seen, watch
from loadtest.bench.overload import Overload, Point
from tests.unit.loadtest.bench.test_generator import HOST, accepted, serving

REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}"


def refused(_: int, __: bytes) -> bytes:
    return REFUSAL


async def seen_by(answer: object, **changes: object) -> tuple[Seen, list[bytes]]:
    asked: dict[str, object] = {"clients": 4, "warm_up_s": 0.1, "measured_s": 1.2, **changes}
    async with serving(answer) as (port, bodies):  # type: ignore[arg-type]  # any server
        return await watch(Crowd(HOST, port, **asked)), bodies  # type: ignore[arg-type]  # as above


async def test_whoever_is_accepted_asks_again() -> None:
    seen, bodies = await seen_by(accepted)

    ids = [json.loads(body)["id"] for body in bodies]
    assert len(set(ids)) == len(ids)
    assert seen.accepted == len(seen.accepted_ms) > 4
    assert (seen.refused, seen.others, seen.unsent) == (0, 0, 0)
    assert min(seen.accepted_ms) > 0


async def test_a_polite_client_waits_as_it_is_told_and_a_rude_one_does_not() -> None:
    _, polite = await seen_by(refused, is_polite=True)
    seen, rude = await seen_by(refused)

    # One each, and another a second later.
    assert len(polite) <= 2 * 4
    assert len(rude) > 2 * 4
    assert seen.accepted == 0
    assert seen.refused == len(seen.refused_ms) > 4


async def test_orders_arrive_whether_others_are_answered_or_not() -> None:
    seen, bodies = await seen_by(accepted, arrivals_per_s=50.0)

    # Of 1.3 s; never more than are due, and a slow machine sends them late.
    assert 1 < len(bodies) <= 50 * 1.4
    assert seen.accepted <= len(bodies)


async def test_what_arrives_while_all_wait_is_counted() -> None:
    seen, bodies = await seen_by(refused, clients=1, is_polite=True, arrivals_per_s=100.0)

    assert seen.unsent > 0
    assert len(bodies) <= 2


async def test_notifications_are_asked_one_after_the_other() -> None:
    seen, bodies = await seen_by(accepted, clients=0, probes_per_s=20.0)

    assert seen.accepted == 0
    assert 1 <= len(seen.probe_ms) <= 20 * 1.3
    assert {json.loads(body)["message"] for body in bodies} == {"probe"}


async def test_another_answer_is_told_apart() -> None:
    numbers = count()

    def third_is_wrong(_: int, __: bytes) -> bytes:
        return accepted(_, __) if next(numbers) % 3 else accepted(_, __).replace(b"202", b"500")

    seen, _ = await seen_by(third_is_wrong)

    assert seen.others > 0
    assert seen.accepted > 0


def test_the_bench_measures_a_real_shop_under_a_real_crowd() -> None:
    points = (Point("80 clients, rude", 80), Point("arrivals", 80, times_capacity=2.0))
    said: list[str] = []

    result = Overload(points, warm_up_s=0.5, measured_s=1.0).run(1, said.append)

    assert [one.name.partition(" /")[0] for one in result.comparisons] == [
        *("80 clients, rude", "arrivals") * 2,
        *("notification p95, 80 clients, rude", "notification p95, arrivals"),
    ]
    assert all(value > 0 for one in result.comparisons for value in one.shop)
    assert all(one.ratio.point > 0.1 for one in result.comparisons[:2])
