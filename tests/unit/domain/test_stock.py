"""The stock report's sums and its stored form."""

import json
from datetime import date

from shop.domain.stock import StockReport

REPORT = StockReport(
    date(2026, 3, 1), 1_772_366_400_000, {"SKU-2": 0, "SKU-1": 7, "SKU-0": -2}, ("BAD",)
)


def test_sums() -> None:
    assert REPORT.units == 5
    assert REPORT.out_of_stock == ["SKU-0", "SKU-2"]


def test_it_is_stored_as_json() -> None:
    assert json.loads(json.dumps(REPORT.as_json())) == {
        "date": "2026-03-01",
        "generated_at_ms": 1_772_366_400_000,
        "skus": 3,
        "units": 5,
        "out_of_stock": ["SKU-0", "SKU-2"],
        "unreadable": ["BAD"],
        "levels": {"SKU-2": 0, "SKU-1": 7, "SKU-0": -2},
    }
