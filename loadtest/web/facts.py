"""What is known of a shop before a load begins."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


class BadFacts(ValueError):
    """They cannot be understood."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Of a shop that nothing is known of: the shop's own defaults."""

    base_url: str = ""
    notification_ms: float = 100.0
    #: The part of an order's service time that can be chosen; 0 where it is none.
    order_ms: float = 0.0
    #: Tasks at once.
    priority_slots: int = 32
    default_slots: int = os.cpu_count() or 1
    #: Why an order's service time cannot be chosen; None if it can.
    why_fixed: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, data: Any) -> "Facts":
        """The inverse of `as_json`. Raises `BadFacts`."""
        if not isinstance(data, Mapping):
            raise BadFacts(f"an object was expected, not {data!r:.80}")
        try:
            return cls(**data)
        except TypeError as error:
            raise BadFacts(str(error)) from None
