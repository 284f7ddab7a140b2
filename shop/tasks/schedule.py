"""What Beat sends, and when; every entry is harmless twice, and expires unstarted."""

from typing import Any

from celery.schedules import crontab

from shop.domain.work import TaskName

CHECK_PENDING_EVERY_S = 5 * 60.0
AUDIT_EVERY_S = 5 * 60.0


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Crontab times are in the shop's `TIMEZONE`."""
    return {
        TaskName.DAILY_STOCK_REPORT.value: {
            "task": TaskName.DAILY_STOCK_REPORT.value,
            "schedule": crontab(hour=0, minute=0),
            # A report of yesterday that starts at noon would be today's, and late.
            "options": {"expires": 6 * 60 * 60},
        },
        TaskName.CHECK_PENDING_ORDERS.value: {
            "task": TaskName.CHECK_PENDING_ORDERS.value,
            "schedule": CHECK_PENDING_EVERY_S,
            # The next one is due by then.
            "options": {"expires": CHECK_PENDING_EVERY_S},
        },
        TaskName.AUDIT_STOCK.value: {
            "task": TaskName.AUDIT_STOCK.value,
            "schedule": AUDIT_EVERY_S,
            "options": {"expires": AUDIT_EVERY_S},
        },
    }
