"""The day's stock report, and the audit of the stock's books."""

import logging

from shop.domain.ports import StockRoom
from shop.domain.stock import StockAudit, StockReport, audited

logger = logging.getLogger(__name__)

#: Items that one line of the log names.
NAMED = 20


class Reporting:
    """Adds up the stock; made twice on one day, the later report stands."""

    def __init__(self, stock: StockRoom) -> None:
        self._stock = stock

    def daily(self) -> StockReport:
        report = self._stock.report(self._stock.today())
        self._stock.store_report(report)
        logger.info(
            "stock report of %s: %d SKUs, %d units, %d out of stock, %d unreadable",
            report.day,
            len(report.levels),
            report.units,
            len(report.out_of_stock),
            len(report.unreadable),
        )
        return report

    def audit(self) -> StockAudit:
        """See whether what was there is left or sold; the result is kept for the metrics."""
        books = list(self._stock.books())
        found = audited(books, self._stock.now_ms())
        self._stock.store_audit(found)
        wrong = [row for row in books if row.drift or row.left is None or row.left < 0]
        if wrong:
            logger.warning(
                "stock audit: %d of %d items do not add up: %s",
                len(wrong),
                found.items,
                ", ".join(
                    f"{row.sku} ({'unreadable' if row.left is None else f'{row.drift:+d}'})"
                    for row in wrong[:NAMED]
                ),
            )
        return found
