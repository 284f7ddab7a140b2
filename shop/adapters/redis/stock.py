"""Stock, prices and stock reports in Redis."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from redis import Redis

from shop.adapters.redis import keys
from shop.adapters.redis.client import store_errors
from shop.domain.stock import StockLevel, StockReport

#: Keys that one SCAN step looks at: large enough that round trips do not count.
SCAN_STEP = 1_000
#: As Redis itself reads a number, up to what Lua's numbers hold exactly.
_WHOLE_NUMBER = re.compile("0|-?[1-9][0-9]{0,14}")


class RedisStockRoom:
    """Levels at `stock:{sku}`, prices at `price:{sku}`; keys set by hand count too."""

    def __init__(self, client: Redis, *, timezone: str) -> None:
        self._client = client
        self._zone = ZoneInfo(timezone)

    def levels(self) -> list[StockLevel]:
        """Every item's level and price, by SKU; a level that is no number is left out."""
        with store_errors():
            found = {sku: qty for sku, qty in self._scan() if qty is not None}
            if not found:
                return []
            prices: list[Any] = self._client.mget([keys.price(sku) for sku in found])
        return sorted(
            (
                StockLevel(sku, qty, _whole_number(price))
                for (sku, qty), price in zip(found.items(), prices, strict=True)
            ),
            key=lambda level: level.sku,
        )

    def price(self, sku: str) -> int | None:
        with store_errors():
            # MGET, which reads a key of another type as missing.
            texts: list[Any] = self._client.mget([keys.price(sku)])
        return _whole_number(texts[0])

    def put(self, level: StockLevel) -> None:
        values = {keys.stock(level.sku): level.qty}
        if level.price_minor is not None:
            values[keys.price(level.sku)] = level.price_minor
        with store_errors():
            self._client.mset(values)

    def put_missing(self, levels: Iterable[StockLevel]) -> list[str]:
        wanted = list(levels)
        with store_errors(), self._client.pipeline(transaction=True) as pipe:
            for level in wanted:
                pipe.set(keys.stock(level.sku), level.qty, nx=True)
                if level.price_minor is not None:
                    pipe.set(keys.price(level.sku), level.price_minor, nx=True)
                else:
                    pipe.exists(keys.price(level.sku))
            replies = pipe.execute()
        return [level.sku for level, was_set in zip(wanted, replies[::2], strict=True) if was_set]

    def report(self, day: date) -> StockReport:
        with store_errors():
            levels: dict[str, int] = {}
            unreadable = []
            for sku, qty in self._scan():
                if qty is None:
                    unreadable.append(sku)
                else:
                    levels[sku] = qty
            return StockReport(day, self._now_ms(), levels, tuple(sorted(unreadable)))

    def store_report(self, report: StockReport) -> None:
        with store_errors():
            self._client.set(keys.stock_report(report.day), json.dumps(report.as_json()))

    def stored_report(self, day: date) -> dict[str, Any] | None:
        with store_errors():
            text = self._client.get(keys.stock_report(day))
        return None if text is None else json.loads(text)

    def today(self) -> date:
        with store_errors():
            now_ms = self._now_ms()
        return datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(self._zone).date()

    def _scan(self) -> Iterator[tuple[str, int | None]]:
        """Each SKU once with its level: None if its key holds something else."""
        seen: set[str] = set()
        cursor = 0
        found: list[Any]
        while True:
            cursor, found = self._client.scan(
                cursor, match=f"{keys.STOCK_PREFIX}*", count=SCAN_STEP
            )
            # SCAN may show a key twice.
            fresh: list[Any] = [key for key in found if key not in seen]
            seen.update(fresh)
            if fresh:
                texts: list[Any] = self._client.mget(fresh)
                for key, text in zip(fresh, texts, strict=True):
                    # MGET shows no text for a key that is no string, nor for one that went.
                    if text is not None or self._client.exists(key):
                        yield key.removeprefix(keys.STOCK_PREFIX), _whole_number(text)
            if cursor == 0:
                return

    def _now_ms(self) -> int:
        seconds, microseconds = self._client.time()
        return int(seconds) * 1000 + int(microseconds) // 1000


def _whole_number(text: str | None) -> int | None:
    """The same rule as in the scripts."""
    return int(text) if text is not None and _WHOLE_NUMBER.fullmatch(text) else None
