"""Stock levels, the day's report on them, and the audit of the stock's books."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any


@dataclass(frozen=True, slots=True)
class StockLevel:
    """How many of an item are left, and its price if it has one."""

    sku: str
    qty: int
    price_minor: int | None = None


@dataclass(frozen=True)
class StockReport:
    """Every item's stock on one day; added up once."""

    day: date
    generated_at_ms: int
    #: sku -> units left.
    levels: dict[str, int]
    #: SKUs whose stored value is not a whole number: set by hand, and wrong.
    unreadable: tuple[str, ...] = ()

    @cached_property
    def units(self) -> int:
        return sum(self.levels.values())

    @cached_property
    def out_of_stock(self) -> list[str]:
        return sorted(sku for sku, qty in self.levels.items() if qty <= 0)

    def as_json(self) -> dict[str, Any]:
        """The report as it is stored at `report:stock:{date}`."""
        return {
            "date": self.day.isoformat(),
            "generated_at_ms": self.generated_at_ms,
            "skus": len(self.levels),
            "units": self.units,
            "out_of_stock": self.out_of_stock,
            "unreadable": list(self.unreadable),
            "levels": self.levels,
        }


@dataclass(frozen=True, slots=True)
class StockBooks:
    """What is on record of one item, and what is left of it, all of one moment."""

    sku: str
    #: What was there when the shop came to know the item.
    initial: int
    #: What was added since, or taken out if below 0, by the shop's own command.
    restocked: int
    #: What processed orders took.
    sold: int
    #: None if the key holds something else than a whole number; 0 if it is gone.
    left: int | None

    @property
    def drift(self) -> int:
        """By how much more is left than the books say: initial + restocked = left + sold."""
        if self.left is None:
            return 0
        return self.left + self.sold - self.initial - self.restocked


@dataclass(frozen=True, slots=True)
class StockAudit:
    """The books of all items, added up."""

    at_ms: int
    items: int = 0
    initial: int = 0
    restocked: int = 0
    sold: int = 0
    left: int = 0
    #: Units that are left and should not be, and the other way round: they do not cancel out.
    surplus: int = 0
    missing: int = 0
    #: How many items do not add up, are below 0, or cannot be read.
    drifting: int = 0
    negative: int = 0
    unreadable: int = 0


def audited(books: Iterable[StockBooks], at_ms: int) -> StockAudit:
    """Add `books` up."""
    rows = list(books)
    drifts = [row.drift for row in rows]
    return StockAudit(
        at_ms=at_ms,
        items=len(rows),
        initial=sum(row.initial for row in rows),
        restocked=sum(row.restocked for row in rows),
        sold=sum(row.sold for row in rows),
        left=sum(row.left or 0 for row in rows),
        surplus=sum(drift for drift in drifts if drift > 0),
        missing=-sum(drift for drift in drifts if drift < 0),
        drifting=sum(drift != 0 for drift in drifts),
        negative=sum(row.left is not None and row.left < 0 for row in rows),
        unreadable=sum(row.left is None for row in rows),
    )
