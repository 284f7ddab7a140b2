"""Beat sends what is due, however long its broker refuses it."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from celery import Celery
from celery.beat import ScheduleEntry
from celery.schedules import crontab
from redis import Redis

from shop.adapters.celery.app import create_worker_app
from shop.tasks import beat
from shop.tasks.beat import LivelyScheduler
from testing.servers import ValkeyProcess
from testing.waiting import wait_for
from tests.conftest import MakeSettings

WITHIN_S = 30.0


@pytest.fixture
def broker(valkey: ValkeyProcess) -> Iterator[Redis]:
    with valkey.client(0) as client:
        yield client


@pytest.fixture
def app(valkey: ValkeyProcess, make_settings: MakeSettings, tmp_path: Path) -> Celery:
    return create_worker_app(
        make_settings(redis_port=valkey.port), shop_run_dir=tmp_path, result_backend="disabled://"
    )


@pytest.fixture
def scheduler(
    app: Celery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LivelyScheduler]:
    monkeypatch.setattr(beat, "SEND_AGAIN_S", 0.05)
    scheduler = LivelyScheduler(app, schedule_filename=str(tmp_path / "schedule"))
    yield scheduler
    scheduler.close()


def entry(app: Celery, queue: str = "default") -> ScheduleEntry:
    return ScheduleEntry(
        name="nightly", task="audit_stock", schedule=60, app=app, options={"queue": queue}
    )


@pytest.mark.parametrize(("setting", "value"), [("maxmemory", "1"), ("min-replicas-to-write", "1")])
def test_what_is_refused_is_sent_once_it_is_not(
    scheduler: LivelyScheduler,
    app: Celery,
    broker: Redis,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    setting: str,
    value: str,
) -> None:
    # It has been connected for long.
    scheduler.apply_entry(entry(app), producer=scheduler.producer)
    assert broker.lpop("default")
    (tmp_path / "beat.alive").unlink(missing_ok=True)
    broker.config_set(setting, value)
    sending = Thread(target=scheduler.apply_entry, args=(entry(app), scheduler.producer))
    caplog.set_level(logging.INFO, logger=beat.__name__)
    alive = tmp_path / "beat.alive"
    try:
        sending.start()
        for _ in range(3):
            wait_for("it tries, and lives", alive.exists, within_s=WITHIN_S)
            alive.unlink()
        assert broker.llen("default") == 0
    finally:
        broker.config_set(setting, 0)
        sending.join(WITHIN_S)

    assert broker.llen("default") == 1
    told = [record for record in caplog.records if record.name == beat.__name__]
    assert [record.levelname for record in told] == ["WARNING", "INFO"]
    assert not any(record.exc_info for record in told)


def test_what_cannot_be_sent_at_all_is_left(
    scheduler: LivelyScheduler, app: Celery, broker: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler.apply_entry(entry(app, queue="misspelt"), producer=scheduler.producer)

    assert "nightly is not sent" in caplog.text
    assert broker.keys("*misspelt*") == []


@pytest.mark.parametrize("ahead", [timedelta(days=10), timedelta(hours=1), timedelta(minutes=1)])
def test_what_ran_last_before_the_clock_was_set_back_is_due(
    scheduler: LivelyScheduler,
    app: Celery,
    broker: Redis,
    caplog: pytest.LogCaptureFixture,
    ahead: timedelta,
) -> None:
    app.require_own_broker = lambda: None
    often = {"task": "audit_stock", "schedule": 300, "options": {"queue": "default"}}
    scheduler.update_from_dict({"often": often, "daily": {**often, "schedule": crontab("7", "4")}})
    # Celery's own, for results that nobody keeps here.
    scheduler.schedule.pop("celery.backend_cleanup", None)
    for each in scheduler.schedule.values():
        each.last_run_at = each.default_now() + ahead

    for _ in range(4):
        scheduler.tick()

    assert broker.llen("default") == 2
    assert caplog.text.count("lies ahead: it is due") == 2
    assert all(each.last_run_at <= each.default_now() for each in scheduler.schedule.values())
