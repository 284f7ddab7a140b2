"""What Beat sends, and when; every entry is harmless twice, and expires unstarted."""

from typing import Any

from celery.schedules import crontab

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
    return {
        TaskName.DAILY_STOCK_REPORT.value: {
            "task": TaskName.DAILY_STOCK_REPORT.value,
            "schedule": crontab(hour=0, minute=0),
            "options": {"expires": REPORT_WITHIN_S},
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
