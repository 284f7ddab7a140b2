"""Stock, prices and stock reports in Redis."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic_core import to_json
from redis import Redis

from shop.adapters.redis import keys
from shop.adapters.redis.client import store_errors
from shop.adapters.redis.scripts import source
from shop.domain.stock import StockAudit, StockBooks, StockLevel, StockReport

#: Keys that one SCAN step looks at: large enough that round trips do not count, small enough that
#: nobody else waits for it.
SCAN_STEP = 1_000
#: Items whose books one script looks at; Lua hands on no more than some thousand arguments.
AUDIT_STEP = 500
_PREFIX_LENGTH = len(keys.STOCK_PREFIX)
#: As Redis itself reads a number, up to what Lua's numbers hold exactly.
_WHOLE_NUMBER = re.compile("0|-?[1-9][0-9]{0,14}")
_TOO_LARGE = 10**15


class RedisStockRoom:
    """Levels at `stock:{sku}`, prices at `price:{sku}`; keys set by hand count too."""

    def __init__(self, client: Redis, *, timezone: str) -> None:
        self._client = client
        self._zone = ZoneInfo(timezone)
        self._put = client.register_script(source("put_stock"))
        self._audit = client.register_script(source("audit_stock"))

    def levels(self) -> list[StockLevel]:
        """Every item's level and price, by SKU; a level that is no number is left out."""
        with store_errors():
            found, _ = self._read()
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
        with store_errors():
            self._put(**_putting(level, only_missing=False))

    def put_missing(self, levels: Iterable[StockLevel]) -> list[str]:
        wanted = list(levels)
        with store_errors(), self._client.pipeline(transaction=True) as pipe:
            for level in wanted:
                self._put(**_putting(level, only_missing=True), client=pipe)
            replies = pipe.execute()
        return [level.sku for level, was_set in zip(wanted, replies, strict=True) if was_set]

    def report(self, day: date) -> StockReport:
        with store_errors():
            levels, unreadable = self._read()
            return StockReport(day, self.now_ms(), levels, tuple(sorted(unreadable)))

    def store_report(self, report: StockReport) -> None:
        with store_errors():
            # A seventh of what `json.dumps` takes.
            self._client.set(keys.stock_report(report.day), to_json(report.as_json()))

    def stored_report(self, day: date) -> dict[str, Any] | None:
        with store_errors():
            text = self._client.get(keys.stock_report(day))
        return None if text is None else json.loads(text)

    def books(self) -> Iterator[StockBooks]:
        # The books are their own index: what they do not know has not been sold either.
        cursor = 0
        seen: set[str] = set()
        while True:
            with store_errors():
                reply: Any = self._client.hscan(keys.AUDIT_INITIAL, cursor, count=AUDIT_STEP)
                cursor, found = reply
                # HSCAN may show a field twice, and of a small hash all at once.
                skus = sorted(found.keys() - seen)
                rows = [row for some in _steps(skus) for row in self._audited(some)]
            seen.update(skus)
            yield from rows
            if cursor == 0:
                return

    def store_audit(self, audit: StockAudit) -> None:
        with store_errors():
            self._client.set(keys.AUDIT_RESULT, to_json(audit))

    def now_ms(self) -> int:
        with store_errors():
            seconds, microseconds = self._client.time()
        return int(seconds) * 1000 + int(microseconds) // 1000

    def today(self) -> date:
        now_ms = self.now_ms()
        return datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(self._zone).date()

    def _read(self) -> tuple[dict[str, int], set[str]]:
        """Each SKU with its level, and those whose key holds something else."""
        levels: dict[str, int] = {}
        unreadable: set[str] = set()
        for found, texts in self._pages():
            skus = [key[_PREFIX_LENGTH:] for key in found]
            # SCAN may show a key twice: the later look stands.
            if (qtys := _whole_numbers(texts)) is not None:
                levels.update(zip(skus, qtys, strict=True))
                continue
            for sku, text in zip(skus, texts, strict=True):
                levels.pop(sku, None)
                if (qty := _whole_number(text)) is not None:
                    levels[sku] = qty
                # MGET shows no text for a key that is no string, nor for one that went.
                elif text is not None or self._client.exists(keys.stock(sku)):
                    unreadable.add(sku)
        return levels, unreadable - levels.keys()

    def _pages(self) -> Iterator[tuple[list[str], list[str | None]]]:
        """The keys of all levels with what they hold; one step's levels come with the next keys."""
        cursor, found = 0, list[str]()
        is_over = False
        while not is_over or found:
            asked = found
            with self._client.pipeline(transaction=False) as pipe:
                if asked:
                    pipe.mget(asked)
                if not is_over:
                    pipe.scan(cursor, match=f"{keys.STOCK_PREFIX}*", count=SCAN_STEP)
                replies: list[Any] = pipe.execute()
            texts = replies.pop(0) if asked else []
            cursor, found = replies.pop() if replies else (0, [])
            is_over = cursor == 0
            if asked:
                yield asked, texts

    def _audited(self, skus: Sequence[str]) -> list[StockBooks]:
        books = [keys.AUDIT_INITIAL, keys.AUDIT_RESTOCKED, keys.AUDIT_SOLD]
        rows = self._audit(keys=[*books, *map(keys.stock, skus)], args=skus)
        return [
            StockBooks(sku, int(initial), int(restocked), int(sold), _left(left))
            for sku, (initial, restocked, sold, left) in zip(skus, rows, strict=True)
        ]


def _whole_numbers(texts: Sequence[str | None]) -> list[int] | None:
    """All of them by that rule, or None if one is no whole number: a tenth of one by one."""
    try:
        numbers = list(map(int, texts))  # type: ignore[arg-type]  # None is a TypeError
    except (TypeError, ValueError):
        return None
    # What `int` takes and the rule does not (" 7", "+7", "1_0") is written otherwise.
    if list(map(str, numbers)) != texts:
        return None
    return numbers if max(map(abs, numbers), default=0) < _TOO_LARGE else None


def _whole_number(text: str | None) -> int | None:
    """The same rule as in the scripts."""
    return int(text) if text is not None and _WHOLE_NUMBER.fullmatch(text) else None


def _putting(level: StockLevel, *, only_missing: bool) -> dict[str, Any]:
    price = "" if level.price_minor is None else level.price_minor
    books = (keys.AUDIT_INITIAL, keys.AUDIT_RESTOCKED, keys.AUDIT_SOLD)
    return {
        "keys": [keys.stock(level.sku), keys.price(level.sku), *books],
        "args": [level.sku, level.qty, price, int(only_missing)],
    }


def _steps(skus: Sequence[str]) -> Iterator[Sequence[str]]:
    return (skus[begin : begin + AUDIT_STEP] for begin in range(0, len(skus), AUDIT_STEP))


def _left(reply: int | str) -> int | None:
    return None if reply == "" else int(reply)
