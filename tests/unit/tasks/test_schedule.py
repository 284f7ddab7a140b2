"""What Beat sends, and when."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from celery import Celery
from celery.beat import ScheduleEntry

from shop.adapters.celery.app import create_worker_app
from shop.domain.work import TaskName
from shop.tasks.schedule import beat_schedule, beat_settings
from tests.conftest import MakeSettings


def entry(app: Celery, name: str, last_run_at: datetime) -> ScheduleEntry:
    return ScheduleEntry(
        name=name, app=app, last_run_at=last_run_at, **app.conf.beat_schedule[name]
    )


@pytest.fixture
def app(make_settings: MakeSettings) -> Celery:
    return create_worker_app(make_settings(timezone="Asia/Tokyo"), **beat_settings())


def test_the_tasks_are_scheduled_by_their_public_names() -> None:
    assert {entry["task"] for entry in beat_schedule().values()} == {
        TaskName.DAILY_STOCK_REPORT,
        TaskName.CHECK_PENDING_ORDERS,
        TaskName.AUDIT_STOCK,
    }


def test_every_entry_expires(app: Celery) -> None:
    for name, given in app.conf.beat_schedule.items():
        assert 0 < given["options"]["expires"] <= 24 * 60 * 60, name


def test_no_entry_is_still_waiting_when_the_next_is_sent() -> None:
    pending = beat_schedule()["check_pending_orders"]

    assert pending["options"]["expires"] <= pending["schedule"] == 300


@pytest.mark.parametrize(
    ("timezone", "midnight_utc"),
    [
        ("UTC", datetime(2026, 3, 2, 0, 0, tzinfo=UTC)),
        ("Asia/Tokyo", datetime(2026, 3, 1, 15, 0, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 2, 5, 0, tzinfo=UTC)),
    ],
)
def test_the_report_is_due_at_midnight_in_the_shop(
    make_settings: MakeSettings, timezone: str, midnight_utc: datetime
) -> None:
    app = create_worker_app(make_settings(timezone=timezone), beat_schedule=beat_schedule())
    before = midnight_utc.replace(hour=(midnight_utc.hour - 2) % 24)
    if before > midnight_utc:
        before = before.replace(day=before.day - 1)
    daily = entry(app, "daily_stock_report", before)
    daily.schedule.nowfun = lambda: before

    remaining = daily.schedule.remaining_estimate(before)

    assert before + remaining == midnight_utc


def test_pending_orders_are_checked_every_five_minutes(app: Celery) -> None:
    last_run_at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    pending = entry(app, "check_pending_orders", last_run_at)
    pending.schedule.nowfun = lambda: last_run_at

    assert pending.schedule.remaining_estimate(last_run_at).total_seconds() == 300


@pytest.mark.parametrize(("hour", "is_due"), [(0, True), (5, True), (7, False), (23, False)])
def test_a_report_that_was_missed_is_made_up_for_while_the_day_is_young(
    app: Celery, monkeypatch: pytest.MonkeyPatch, hour: int, is_due: bool
) -> None:
    """Beat keeps its schedule while it is away; a report of yesterday at noon would be today's."""
    now = datetime(2026, 3, 2, hour, 30, tzinfo=ZoneInfo("Asia/Tokyo"))
    report = entry(app, "daily_stock_report", datetime(2026, 3, 1, 0, 0, tzinfo=now.tzinfo))
    monkeypatch.setattr(report.schedule, "nowfun", lambda: now)

    assert report.is_due().is_due == is_due
