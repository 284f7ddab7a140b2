"""Stock and prices in memory: `StockRoom`."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from shop.domain.stock import StockAudit, StockBooks, StockLevel, StockReport
from testing.fakes.store import FakeStore

#: What Redis itself counts with, up to what Lua's numbers hold exactly.
_WHOLE_NUMBER = re.compile("0|-?[1-9][0-9]{0,14}")


def whole_number(text: str | None) -> int | None:
    """A stored text as a number; None if people have put something else there."""
    return int(text) if text is not None and _WHOLE_NUMBER.fullmatch(text) else None


class FakeStockRoom:
    """Keys set by hand are set in `store.stock` and `store.prices`."""

    def __init__(self, store: FakeStore, *, timezone: str = "UTC") -> None:
        self._store = store
        self._zone = ZoneInfo(timezone)

    def levels(self) -> list[StockLevel]:
        with self._store.step():
            return [
                StockLevel(sku, qty, whole_number(self._store.prices.get(sku)))
                for sku, text in sorted(self._store.stock.items())
                if (qty := whole_number(text)) is not None
            ]

    def price(self, sku: str) -> int | None:
        with self._store.step():
            return whole_number(self._store.prices.get(sku))

    def put(self, level: StockLevel) -> None:
        with self._store.step():
            self._set(level)
            if level.price_minor is not None:
                self._store.prices[level.sku] = str(level.price_minor)

    def put_missing(self, levels: Iterable[StockLevel]) -> list[str]:
        added = []
        with self._store.step():
            for level in levels:
                if level.sku not in self._store.stock:
                    self._set(level)
                    added.append(level.sku)
                if level.price_minor is not None:
                    self._store.prices.setdefault(level.sku, str(level.price_minor))
        return added

    def report(self, day: date) -> StockReport:
        with self._store.step() as now_ms:
            read = {sku: whole_number(text) for sku, text in self._store.stock.items()}
            return StockReport(
                day,
                now_ms,
                {sku: qty for sku, qty in read.items() if qty is not None},
                tuple(sorted(sku for sku, qty in read.items() if qty is None)),
            )

    def store_report(self, report: StockReport) -> None:
        with self._store.step():
            self._store.reports[report.day] = json.dumps(report.as_json())

    def stored_report(self, day: date) -> dict[str, Any] | None:
        with self._store.step():
            text = self._store.reports.get(day)
        return None if text is None else json.loads(text)

    def books(self) -> list[StockBooks]:
        store = self._store
        with store.step():
            return [
                StockBooks(
                    sku,
                    initial,
                    store.restocked.get(sku, 0),
                    store.sold[sku],
                    whole_number(store.stock[sku]) if sku in store.stock else 0,
                )
                for sku, initial in store.initial.items()
            ]

    def store_audit(self, audit: StockAudit) -> None:
        with self._store.step():
            self._store.audit = json.dumps(asdict(audit))

    def now_ms(self) -> int:
        with self._store.step() as now_ms:
            return now_ms

    def today(self) -> date:
        with self._store.step() as now_ms:
            return datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(self._zone).date()

    def _set(self, level: StockLevel) -> None:
        store, sku = self._store, level.sku
        store.stock[sku] = str(level.qty)
        booked = level.qty + store.sold[sku]
        if sku in store.initial:
            store.restocked[sku] = booked - store.initial[sku]
        else:
            store.initial[sku] = booked
