"""Arrivals without end."""

from collections.abc import Iterator
from itertools import islice

import pytest

from loadtest.schedule import Arrival, Operation
from loadtest.users import streams

ITEMS = ("SKU-1", "SKU-2")


def orders(name: str, rate_per_s: float) -> Iterator[Arrival]:
    return streams.orders(
        name, streams.constant(rate_per_s), most_per_s=max(rate_per_s, 1.0), items=ITEMS
    )


def test_equal_names_draw_equal_arrivals() -> None:
    first, again = (list(islice(orders("7-Soak", 5.0), 50)) for _ in range(2))
    other = list(islice(orders("8-Soak", 5.0), 50))
    assert first == again
    assert [arrival.at_s for arrival in first] != [arrival.at_s for arrival in other]


def test_orders_are_of_the_items_and_have_keys_of_their_own() -> None:
    drawn = list(islice(orders("7-Soak", 5.0), 50))
    assert {arrival.payload["item"] for arrival in drawn} == set(ITEMS)
    assert len({arrival.key for arrival in drawn}) == 50
    assert all(arrival.payload["id"] == arrival.key for arrival in drawn)


def test_the_mean_rate_is_the_one_asked_for() -> None:
    count = len(list(streams.until(1_000.0, orders("7-Soak", 5.0))))
    # Four standard deviations of a Poisson count.
    assert count == pytest.approx(5_000, abs=283)


def test_nothing_arrives_at_a_rate_of_0() -> None:
    nothing = streams.orders("x", streams.constant(0.0), most_per_s=0.0, items=ITEMS)
    assert list(nothing) == []


def test_a_burst_has_ten_times_as_many() -> None:
    rate_at = streams.bursts(2.0, factor=10.0, every_s=30.0, for_s=5.0)
    drawn = list(streams.until(3_000.0, streams.orders("7", rate_at, most_per_s=20.0, items=ITEMS)))
    in_bursts = [a for a in drawn if streams.is_burst(a.at_s, every_s=30.0, for_s=5.0)]
    assert len(in_bursts) == pytest.approx(100 * 5 * 20, abs=400)
    assert len(drawn) - len(in_bursts) == pytest.approx(100 * 25 * 2, abs=283)


def test_streams_are_merged_by_time() -> None:
    probes = streams.probes("7", streams.constant(3.0), most_per_s=3.0)
    merged = list(islice(streams.merged(orders("7", 3.0), probes), 100))
    assert [a.at_s for a in merged] == sorted(a.at_s for a in merged)
    assert {a.operation for a in merged} == set(Operation)
