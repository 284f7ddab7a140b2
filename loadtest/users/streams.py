"""Arrivals without end, drawn from a seed as they are needed."""

import heapq
import math
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile

from loadtest.schedule import Arrival, Operation, poisson

#: Arrivals a second at a moment, seconds after the start.
RateAt = Callable[[float], float]


def constant(rate_per_s: float) -> RateAt:
    return lambda _: rate_per_s


def bursts(base_per_s: float, *, factor: float, every_s: float, for_s: float) -> RateAt:
    """The base rate, and `factor` times that for the last `for_s` of each `every_s`."""

    def rate_at(at_s: float) -> float:
        return base_per_s * (factor if is_burst(at_s, every_s=every_s, for_s=for_s) else 1.0)

    return rate_at


def is_burst(at_s: float, *, every_s: float, for_s: float) -> bool:
    return at_s % every_s >= every_s - for_s


def orders(
    name: str, rate_at: RateAt, *, most_per_s: float, items: Sequence[str]
) -> Iterator[Arrival]:
    """`name` is the seed, and the beginning of every key.

    `most_per_s` is the highest rate that `rate_at` gives.
    """
    source = random.Random(f"{name} orders")
    for number, at_s in enumerate(_thinned(source, rate_at, most_per_s)):
        key = f"{name}-o{number}"
        payload = {"id": key, "item": source.choice(items), "qty": 1, "email": "lab@example.com"}
        yield Arrival(at_s, Operation.ORDER, key, payload)


def probes(name: str, rate_at: RateAt, *, most_per_s: float) -> Iterator[Arrival]:
    source = random.Random(f"{name} probes")
    for number, at_s in enumerate(_thinned(source, rate_at, most_per_s)):
        key = f"{name}-n{number}"
        payload = {"email": "probe@example.com", "message": key}
        yield Arrival(at_s, Operation.NOTIFICATION, key, payload)


def merged(*streams: Iterator[Arrival]) -> Iterator[Arrival]:
    return heapq.merge(*streams, key=lambda arrival: arrival.at_s)


def until(end_s: float | None, arrivals: Iterator[Arrival]) -> Iterator[Arrival]:
    if end_s is None:
        return arrivals
    return takewhile(lambda arrival: arrival.at_s < end_s, arrivals)


def _thinned(source: random.Random, rate_at: RateAt, most_per_s: float) -> Iterator[float]:
    """A Poisson process whose rate changes: of one at the highest rate, each stays by chance."""
    for at_s in poisson(source, most_per_s, math.inf):
        if source.random() * most_per_s < rate_at(at_s):
            yield at_s
