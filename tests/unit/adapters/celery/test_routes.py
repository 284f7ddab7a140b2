"""What follows a task of the shop goes where it is meant to; the shop's own does not stray."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery, chain, chord, group
from celery.exceptions import QueueNotFound
from celery.result import AsyncResult

from shop.adapters.celery.app import create_worker_app
from shop.domain.work import TaskName
from testing.servers import ValkeyProcess
from tests.conftest import MakeSettings
from tests.unit.adapters.celery.worker_in_process import (
    WorkerInProcess,
    running_worker,
    wait_for_no_result,
)


@pytest.fixture
def worker(valkey: ValkeyProcess) -> Iterator[WorkerInProcess]:
    with running_worker(valkey) as worker:
        yield worker


@pytest.fixture
def client(valkey: ValkeyProcess) -> Iterator[Celery]:
    """Another project's, with a queue and a task of its own."""
    client = Celery("erp", broker=valkey.dsn(0), backend=valkey.dsn(1), set_as_current=False)
    wait_for_no_result(client)
    yield client
    client.close()
    client.backend.client.connection_pool.disconnect()


def sent_to_erp(worker: WorkerInProcess, count: int = 1) -> list[str]:
    worker.wait("it is sent", lambda: worker.broker.llen("erp") == count)
    messages = map(json.loads, worker.broker.lrange("erp", 0, -1))
    return [message["headers"]["task"] for message in messages]


def ours(client: Celery, *args: Any) -> Any:
    return client.signature("record", args=args, immutable=True).set(queue="default")


def theirs(client: Celery, name: str = "erp.book") -> Any:
    return client.signature(name).set(queue="erp")


def test_a_callback_goes_to_another_systems_queue(worker: WorkerInProcess, client: Celery) -> None:
    sent: AsyncResult = ours(client).apply_async(link=theirs(client))

    assert sent_to_erp(worker) == ["erp.book"]
    worker.wait("it is done", lambda: sent.state == "SUCCESS")


def test_an_errback_does(worker: WorkerInProcess, client: Celery) -> None:
    client.signature("fail").set(queue="default").apply_async(link_error=theirs(client))

    assert sent_to_erp(worker) == ["erp.book"]


def test_chains_groups_and_chords_do(worker: WorkerInProcess, client: Celery) -> None:
    chain(ours(client), theirs(client)).apply_async()
    chain(ours(client), group(theirs(client, "erp.a"), theirs(client, "erp.b"))).apply_async()
    chord([ours(client), ours(client)], theirs(client, "erp.sum")).apply_async()

    assert sorted(sent_to_erp(worker, 4)) == ["erp.a", "erp.b", "erp.book", "erp.sum"]


@pytest.mark.parametrize("task", list(TaskName))
def test_a_misspelt_queue_of_the_shops_own_is_an_error(
    make_settings: MakeSettings, no_network: None, task: TaskName
) -> None:
    app = create_worker_app(make_settings())

    with pytest.raises(QueueNotFound):
        app.send_task(task.value, queue="defualt")
    with pytest.raises(QueueNotFound):
        app.signature(task.value).set(queue="defualt").apply_async()


def test_a_worker_of_a_misspelt_queue_does_not_start(make_settings: MakeSettings) -> None:
    app = create_worker_app(make_settings())

    with pytest.raises(KeyError):
        app.amqp.queues.select(["defualt"])
    assert set(app.amqp.queues) == {"default", "priority"}


def test_another_systems_queue_in_rabbitmq_is_its_owners_to_declare(
    make_settings: MakeSettings,
) -> None:
    app = create_worker_app(make_settings(celery_broker_dsn="amqp://broker//"))

    queue = app.amqp.router.route({"queue": "erp"}, "erp.book")["queue"]

    assert (queue.name, queue.routing_key, queue.no_declare) == ("erp", "erp", True)
