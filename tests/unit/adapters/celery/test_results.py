"""What became of a task: Celery's result, as its own backend stores it, and the shop's stamps."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from celery import Celery, states

from shop.adapters.celery.app import create_worker_app
from shop.adapters.celery.results import CeleryTaskLookup
from shop.adapters.redis.autopipeline import AutoPipeline
from shop.adapters.redis.client import connect, connect_async
from shop.adapters.redis.ledger import RedisTaskLedger
from shop.domain.errors import InvalidTask
from shop.domain.work import TaskReport
from shop.settings import Settings
from testing.servers import ValkeyProcess
from testing.waiting import PATIENT_S
from tests.builders import a_delivery
from tests.conftest import MakeSettings


@pytest.fixture
def settings(valkey: ValkeyProcess, make_settings: MakeSettings) -> Settings:
    return make_settings(redis_port=valkey.port)


@pytest.fixture
def worker(settings: Settings) -> Any:
    """Stores results as a worker does."""
    app = create_worker_app(settings)
    yield app
    app.backend.client.close()
    app.close()


@pytest.fixture
async def lookup(settings: Settings, worker: Celery) -> AsyncIterator[CeleryTaskLookup]:
    store = connect_async(settings.store_dsn, "test")
    results = connect_async(settings.backend_dsn, "test-results")
    yield CeleryTaskLookup(
        create_worker_app(settings),
        AutoPipeline(store, within_s=PATIENT_S),
        AutoPipeline(results, within_s=PATIENT_S),
    )
    await store.aclose()
    await results.aclose()


@pytest.fixture(autouse=True)
def _issued(settings: Settings) -> None:
    with connect(settings.store_dsn, "test") as client:
        RedisTaskLedger(client).started(a_delivery("task-1", task="process_order"))


async def find(lookup: CeleryTaskLookup) -> TaskReport:
    report = await lookup.find("task-1")
    assert report is not None
    return report


async def test_a_task_without_a_result_is_queued(lookup: CeleryTaskLookup) -> None:
    report = await find(lookup)

    assert (report.task, report.state) == ("process_order", "PENDING")
    assert (report.result, report.error) == (None, None)


async def test_a_result_is_shown_as_it_is(lookup: CeleryTaskLookup, worker: Celery) -> None:
    result = {"order_id": "1001", "status": "processed", "reason": None, "text": "Чайник"}
    worker.backend.store_result("task-1", result, states.SUCCESS)

    report = await find(lookup)

    assert (report.state, report.result, report.error) == ("SUCCESS", result, None)


@pytest.mark.parametrize(
    "result",
    [
        datetime(2026, 1, 1, 12, 30, tzinfo=UTC),
        {"at": [date(2026, 1, 1)], "sum": Decimal("9.90")},
        "half a character: \ud83c",
        {"__type__": "of its own", "__value__": 1, "and": "more"},
    ],
)
async def test_what_celery_writes_in_a_form_of_its_own_is_read_by_it(
    lookup: CeleryTaskLookup, worker: Celery, result: Any
) -> None:
    worker.backend.store_result("task-1", result, states.SUCCESS)

    assert (await find(lookup)).result == result


async def test_a_compressed_result_is_read_too(lookup: CeleryTaskLookup, worker: Celery) -> None:
    # By a worker of somebody else's app, which has the setting.
    worker.backend.compression = "gzip"
    worker.backend.store_result("task-1", {"text": "x" * 5_000}, states.SUCCESS)

    assert (await find(lookup)).result == {"text": "x" * 5_000}


async def test_a_failure_is_one_line_without_a_trace(
    lookup: CeleryTaskLookup, worker: Celery
) -> None:
    error = InvalidTask("process_order", "qty: Input should be greater than or equal to 1")
    trace = 'Traceback (most recent call last):\n  File "/app/shop/tasks/orders.py"'
    worker.backend.store_result("task-1", error, states.FAILURE, traceback=trace)

    report = await find(lookup)

    assert (report.state, report.result) == ("FAILURE", None)
    assert report.error == (
        "InvalidTask: process_order: qty: Input should be greater than or equal to 1"
    )


async def test_an_error_that_the_shop_does_not_know_is_one_line_too(
    lookup: CeleryTaskLookup, worker: Celery
) -> None:
    worker.backend.store_result("task-1", ZeroDivisionError("division by zero"), states.FAILURE)

    assert (await find(lookup)).error == "ZeroDivisionError: division by zero"


async def test_a_delivery_that_is_tried_again_says_why(
    lookup: CeleryTaskLookup, worker: Celery
) -> None:
    # As `send_notification` leaves it.
    worker.backend.store_result("task-1", {"exc_type": "DeliveryFailed"}, states.RETRY)

    report = await find(lookup)

    assert (report.state, report.result) == ("RETRY", None)
    assert report.error is not None
    assert report.error.startswith("DeliveryFailed")


async def test_a_result_without_an_issued_id_is_not_found(
    lookup: CeleryTaskLookup, worker: Celery
) -> None:
    worker.backend.store_result("task-of-another-app", {}, states.SUCCESS)

    assert await lookup.find("task-of-another-app") is None


async def test_looking_subscribes_to_nothing(
    lookup: CeleryTaskLookup, valkey: ValkeyProcess
) -> None:
    await find(lookup)

    with valkey.client() as client:
        assert client.pubsub_channels() == []
