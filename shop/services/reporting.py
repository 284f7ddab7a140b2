"""The day's stock report."""

import logging

from shop.domain.ports import StockRoom
from shop.domain.stock import StockReport

logger = logging.getLogger(__name__)


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
