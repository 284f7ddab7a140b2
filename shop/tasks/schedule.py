"""What Beat sends, and when; every entry is harmless twice, waits behind no order, and expires."""

from typing import Any

from celery.schedules import crontab

from shop.adapters.celery.head import AT_HEAD_HEADER
from shop.domain.work import TaskName

CHECK_PENDING_EVERY_S = 5 * 60.0
AUDIT_EVERY_S = 5 * 60.0
#: A report of yesterday that starts at noon would be today's, and late. What Beat missed while it
#: was away is sent no later than that, either.
REPORT_WITHIN_S = 6 * 60 * 60


def beat_settings() -> dict[str, Any]:
    """For Celery: what Beat sends, and for how long it makes up for what it missed."""
    return {
        "beat_schedule": beat_schedule(),
        "beat_cron_starting_deadline": REPORT_WITHIN_S,
    }


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Crontab times are in the shop's `TIMEZONE`."""
    midnight = crontab(hour=0, minute=0)
    return {
        TaskName.DAILY_STOCK_REPORT.value: _entry(
            TaskName.DAILY_STOCK_REPORT, midnight, expires_s=REPORT_WITHIN_S
        ),
        # The next one is due when these expire.
        TaskName.CHECK_PENDING_ORDERS.value: _entry(
            TaskName.CHECK_PENDING_ORDERS, CHECK_PENDING_EVERY_S, expires_s=CHECK_PENDING_EVERY_S
        ),
        TaskName.AUDIT_STOCK.value: _entry(
            TaskName.AUDIT_STOCK, AUDIT_EVERY_S, expires_s=AUDIT_EVERY_S
        ),
    }


def _entry(task: TaskName, schedule: crontab | float, *, expires_s: float) -> dict[str, Any]:
    return {
        "task": task.value,
        "schedule": schedule,
        "options": {"expires": expires_s, "headers": {AT_HEAD_HEADER: task.value}},
    }
