"""Who is measured when: in turns, so that a machine that slows down slows all of them."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def in_turns(contenders: Sequence[T], rounds: int) -> Iterator[Sequence[T]]:
    """The order of each round: there, back, back, there (ABBA and BAAB)."""
    for number in range(rounds):
        yield contenders if number % 4 in (0, 3) else contenders[::-1]
