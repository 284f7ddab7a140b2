"""Results that share a task's round trips: what Celery reads, and what waits for them."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery, states

from shop.adapters.celery.app import create_worker_app
from shop.adapters.celery.backend import ResultBackend, use_round_trips
from shop.adapters.redis.client import connect
from shop.adapters.redis.trips import Command, RoundTrips
from shop.settings import RESULT_TTL_S, Settings
from testing.servers import ValkeyProcess
from tests.conftest import MakeSettings

WITHIN_S = 5.0


@pytest.fixture
def settings(valkey: ValkeyProcess, make_settings: MakeSettings) -> Settings:
    return make_settings(redis_port=valkey.port)


@pytest.fixture
def trips(settings: Settings) -> Iterator[RoundTrips]:
    with connect(settings.store_dsn, "test") as store:
        trips = RoundTrips(store)
        yield trips
        trips.close()


@pytest.fixture
def worker(settings: Settings, trips: RoundTrips) -> Iterator[Celery]:
    app = create_worker_app(settings)
    use_round_trips(app, lambda: trips)
    assert isinstance(app.backend, ResultBackend)
    yield app
    app.backend.client.close()
    app.close()


@pytest.fixture
def client(settings: Settings) -> Iterator[Celery]:
    """One that knows nothing of the shop."""
    app = Celery("client", broker=settings.broker_dsn, backend=settings.backend_dsn)
    yield app
    app.backend.client.close()
    app.close()


def test_a_client_reads_what_a_worker_stored(worker: Celery, client: Celery) -> None:
    worker.backend.store_result("task-1", {"status": "processed"}, states.SUCCESS)

    found = client.AsyncResult("task-1")
    assert (found.state, found.get(timeout=WITHIN_S)) == ("SUCCESS", {"status": "processed"})
    key = client.backend.get_key_for_task("task-1")
    assert RESULT_TTL_S - 10 < client.backend.client.ttl(key) <= RESULT_TTL_S


def test_it_is_the_same_as_celerys_own(worker: Celery, settings: Settings) -> None:
    plain = create_worker_app(settings)
    plain.backend.store_result("plain", {"a": 1}, states.SUCCESS)
    worker.backend.store_result("own", {"a": 1}, states.SUCCESS)

    def meta(task_id: str) -> dict[str, Any]:
        found: dict[str, Any] = plain.backend.get_task_meta(task_id)
        return {**found, "task_id": None, "date_done": None}

    assert meta("own") == meta("plain")
    plain.backend.client.close()
    plain.close()


def test_who_waits_is_told(worker: Celery, client: Celery) -> None:
    heard = client.backend.client.pubsub()
    heard.subscribe(client.backend.get_key_for_task("task-1"))
    assert heard.get_message(timeout=WITHIN_S) is not None

    worker.backend.store_result("task-1", {"a": 1}, states.SUCCESS)

    message = heard.get_message(timeout=WITHIN_S)
    assert message is not None
    assert client.backend.decode_result(message["data"])["result"] == {"a": 1}
    heard.close()


@pytest.mark.parametrize("later", [states.FAILURE, states.RETRY])
def test_a_success_stands(worker: Celery, client: Celery, later: str) -> None:
    worker.backend.store_result("task-1", {"a": 1}, states.SUCCESS)
    worker.backend.store_result("task-1", ValueError("late"), later)

    assert client.AsyncResult("task-1").state == "SUCCESS"


@pytest.mark.parametrize("earlier", [states.FAILURE, states.RETRY])
def test_what_was_no_success_is_replaced(worker: Celery, client: Celery, earlier: str) -> None:
    worker.backend.store_result("task-1", ValueError("early"), earlier)
    worker.backend.store_result("task-1", {"a": 1}, states.SUCCESS)

    assert client.AsyncResult("task-1").state == "SUCCESS"


def test_what_was_posted_goes_with_the_result(
    worker: Celery, trips: RoundTrips, valkey: ValkeyProcess
) -> None:
    with trips.together():
        trips.post(Command(("SET", "posted", "1")))
    worker.backend.store_result("task-1", None, states.SUCCESS)

    with valkey.client(2) as store:
        assert store.get("posted") == "1"


def test_a_task_without_a_result_leaves_nothing_behind(
    worker: Celery, trips: RoundTrips, valkey: ValkeyProcess
) -> None:
    with trips.together():
        trips.post(Command(("SET", "posted", "1")))
    worker.backend.process_cleanup()

    with valkey.client(2) as store:
        assert store.get("posted") == "1"


def test_results_on_another_server_are_stored_as_celery_does(
    settings: Settings, client: Celery
) -> None:
    app = create_worker_app(settings)
    use_round_trips(app, lambda: None)
    app.backend.store_result("task-1", {"a": 1}, states.SUCCESS)

    assert client.AsyncResult("task-1").state == "SUCCESS"
    app.backend.client.close()
    app.close()


def test_its_pool_tells_of_connections_as_celerys_does(worker: Celery) -> None:
    client = worker.backend.client
    client.ping()
    pool = client.connection_pool

    (idle,) = pool._available_connections
    assert pool._in_use_connections == set()
    assert pool.get_connection() is idle
    assert (pool._available_connections, pool._in_use_connections) == ([], {idle})
    pool.release(idle)
