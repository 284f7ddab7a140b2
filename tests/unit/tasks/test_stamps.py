"""A task's stamps, made by a real worker and read as the API reads them."""

import time

import pytest

from shop.adapters.celery.app import create_publisher_app, create_worker_app
from shop.adapters.celery.publisher import CeleryPublisher
from shop.adapters.celery.results import CeleryTaskLookup
from shop.adapters.redis.autopipeline import AutoPipeline
from shop.adapters.redis.client import connect_async
from shop.domain.work import Job, TaskName, TaskReport
from testing.waiting import PATIENT_S
from tests.builders import ANN
from tests.conftest import MakeSettings
from tests.unit.tasks.running import Shop


async def report(shop: Shop, make_settings: MakeSettings, task_id: str) -> TaskReport:
    settings = make_settings(redis_port=shop.server.port)
    async with (
        connect_async(settings.store_dsn, "test") as store,
        connect_async(settings.backend_dsn, "test") as results,
    ):
        found = await CeleryTaskLookup(
            create_worker_app(settings),
            AutoPipeline(store, within_s=PATIENT_S),
            AutoPipeline(results, within_s=PATIENT_S),
        ).find(task_id)
    assert found is not None
    return found


@pytest.mark.parametrize("queue", ["default", "priority"])
async def test_a_published_task_is_stamped_from_stage_to_stage(
    shop: Shop, make_settings: MakeSettings, queue: str
) -> None:
    settings = make_settings(redis_port=shop.server.port)
    app = create_publisher_app(settings, socket_timeout_s=1.0)
    seconds, microseconds = shop.store.time()
    enqueued_at_ms = int(seconds) * 1000 + int(microseconds) // 1000
    task = TaskName.PROCESS_ORDER if queue == "default" else TaskName.SEND_NOTIFICATION
    args = ("1001", "SKU-1", 3, ANN) if queue == "default" else (ANN, "Hello")
    task_id = f"stamped-{queue}-{time.monotonic_ns()}"

    CeleryPublisher(app).publish(Job(task, args, task_id, enqueued_at_ms))

    shop.ended(shop.client.AsyncResult(task_id))
    app.close()
    found = await report(shop, make_settings, task_id)
    timings = found.timings
    assert (found.task, found.state, found.error) == (task.value, "SUCCESS", None)
    assert timings.enqueued_at_ms == enqueued_at_ms
    assert timings.received_at_ms is not None
    assert timings.started_at_ms is not None
    assert timings.finished_at_ms is not None
    # Two clocks of one machine, and rounding: a millisecond either way.
    assert enqueued_at_ms - 1 <= timings.received_at_ms <= timings.started_at_ms
    assert timings.started_at_ms <= timings.finished_at_ms
    assert timings.queue_wait_ms is not None
    assert timings.deliveries == 1
    # What it gave rise to may have been started as well.
    assert int(shop.store.get(f"watermark:{queue}")) >= enqueued_at_ms


async def test_a_task_of_a_foreign_client_has_all_stamps_but_its_publication(
    shop: Shop, make_settings: MakeSettings
) -> None:
    sent = shop.send("process_order", "1001", "SKU-1", 3, ANN)
    shop.result(sent)

    found = await report(shop, make_settings, sent.id)

    assert found.timings.enqueued_at_ms is None
    assert found.timings.run_ms is not None
    assert found.timings.deliveries == 1


async def test_a_failed_task_is_stamped_and_explained(
    shop: Shop, make_settings: MakeSettings
) -> None:
    sent = shop.send("process_order", "1001", "SKU-1", 0, ANN)
    shop.failure(sent)

    found = await report(shop, make_settings, sent.id)

    assert found.state == "FAILURE"
    assert found.error is not None
    assert found.error.startswith("InvalidTask: process_order: qty: ")
    assert found.timings.run_ms is not None


@pytest.mark.parametrize("stamp", ["yesterday", None, True, 1.5, 10**18, -1, [1]])
def test_whatever_a_foreign_client_puts_there_does_no_harm(shop: Shop, stamp: object) -> None:
    sent = shop.send("process_order", "1001", "SKU-1", 3, ANN, headers={"enqueued_at_ms": stamp})

    assert shop.result(sent)["status"] == "processed"
    assert not shop.store.hexists(f"task:{sent.id}", "enqueued_at")


def test_the_same_message_delivered_twice_counts_twice(shop: Shop) -> None:
    with shop.server.client(0) as broker:
        # Taken away before a worker sees it, then put back twice: what a redelivery looks like.
        sent = shop.client.send_task("process_order", args=["1001", "SKU-1", 3, ANN], queue="aside")
        message = broker.rpop("aside")
        broker.lpush("default", message, message)

    shop.wait(
        "it was delivered twice",
        lambda: shop.store.hget(f"task:{sent.id}", "deliveries") == "2",
    )
    assert shop.store.get("stock:SKU-1") == "7"
