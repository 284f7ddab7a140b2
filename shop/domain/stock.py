"""Stock levels and the day's report on them."""

from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class StockLevel:
    """How many of an item are left, and its price if it has one."""

    sku: str
    qty: int
    price_minor: int | None = None


@dataclass(frozen=True, slots=True)
class StockReport:
    """Every item's stock on one day."""

    day: date
    generated_at_ms: int
    #: sku -> units left.
    levels: dict[str, int]
    #: SKUs whose stored value is not a whole number: set by hand, and wrong.
    unreadable: tuple[str, ...] = ()

    @property
    def units(self) -> int:
        return sum(self.levels.values())

    @property
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
