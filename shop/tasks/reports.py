"""`daily_stock_report()` and `audit_stock()`."""

from dataclasses import asdict
from typing import Any

from celery import Celery

from shop.domain.work import TaskName
from shop.tasks.base import ShopTask, task


def register(app: Celery) -> None:
    @task(app, TaskName.DAILY_STOCK_REPORT)
    def daily_stock_report(self: ShopTask) -> dict[str, Any]:
        report = self.services.reporting.daily()
        return {
            "date": report.day.isoformat(),
            "skus": len(report.levels),
            "units": report.units,
            "out_of_stock": len(report.out_of_stock),
        }

    @task(app, TaskName.AUDIT_STOCK)
    def audit_stock(self: ShopTask) -> dict[str, int]:
        return asdict(self.services.reporting.audit())
