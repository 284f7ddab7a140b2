"""A message is acknowledged or goes back into its queue, whatever becomes of its task."""

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from billiard.einfo import ExceptionInfo
from celery import Celery, signals
from celery.exceptions import WorkerLostError
from celery.worker import state
from celery.worker.request import create_request_cls
from kombu.asynchronous import Hub, get_event_loop, set_event_loop
from redis.exceptions import ConnectionError as RedisGone

from shop.adapters.celery import settling
from shop.adapters.celery.envelope import ENQUEUED_AT_HEADER
from shop.adapters.celery.request import StampedRequest
from shop.adapters.celery.settling import running
from shop.domain.errors import StoreUnavailable
from testing.waiting import wait_for

RECORDED = {ENQUEUED_AT_HEADER: 1}
AWAY = RedisGone("max number of clients reached")


class Job:
    """As Celery's own, of which requests hold a weak reference."""

    f: "Future[Any]"


class Pool:
    """Runs nothing; the test says what comes of it."""

    def __init__(self, *, of_threads: bool = True) -> None:
        self.future: Future[Any] = Future()
        self.job = Job()
        if of_threads:
            self.job.f = self.future
        self.handlers: dict[str, Callable[..., Any]] = {}

    def apply_async(self, _: Any, **options: Any) -> Any:
        self.handlers = options
        return self.job


class Settled:
    """What the broker was told of one message."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def ack(self, *_: Any) -> None:
        self.told.append("acknowledged")

    def reject(self, _log: Any, _errors: Any, requeue: bool) -> None:
        self.told.append("put back" if requeue else "rejected")


@pytest.fixture(autouse=True)
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The worker's event loop; it goes round when a test lets it."""
    monkeypatch.setattr(settling, "BACK_AFTER_S", 0.01)
    before, hub = get_event_loop(), Hub()
    set_event_loop(hub)
    yield hub
    set_event_loop(before)
    hub.close()
    state.reset_state()


@pytest.fixture
def settled() -> Settled:
    return Settled()


Make = Callable[..., Any]


@pytest.fixture
def make(settled: Settled) -> Make:
    """Makes the request of a message, handed to a pool, with a result backend that is away."""

    def make(pool: Pool, headers: dict[str, Any] = RECORDED, eventer: Any = None) -> Any:
        app = Celery("settling", set_as_current=False, fixups=[], task_acks_late=True)
        app.conf.task_reject_on_worker_lost = True

        def never_run() -> None: ...

        work: Any = app.task(never_run, name="work", shared=False)
        app.finalize()

        def refuse(*_: Any, **__: Any) -> None:
            raise AWAY

        work.backend = SimpleNamespace(
            mark_as_failure=refuse, mark_as_revoked=refuse, max_retries=0
        )
        message = SimpleNamespace(
            headers={"id": "1", "task": "work", **headers},
            body=b"[[], {}, {}]",
            payload=[[], {}, {}],
            content_type="application/json",
            content_encoding="utf-8",
            delivery_info={},
            properties={},
        )
        kind = create_request_cls(StampedRequest, work, pool, "w@host", eventer, app=app)
        request = kind(
            message,
            on_ack=settled.ack,
            on_reject=settled.reject,
            app=app,
            task=work,
            eventer=eventer,
        )
        state.task_reserved(request)
        return request

    return make


def is_held(request: Any) -> bool:
    return request in state.reserved_requests or request in state.active_requests


def failed(error: BaseException) -> ExceptionInfo:
    try:
        raise error
    except BaseException:
        return ExceptionInfo()


@pytest.mark.parametrize("error", [AWAY, StoreUnavailable("away"), OSError("reset")])
def test_a_thread_that_cannot_store_a_failure_gives_its_slot_back(
    make: Make, settled: Settled, error: Exception
) -> None:
    pool = Pool()
    request = make(pool)
    request.execute_using_pool(pool)
    pool.handlers["accept_callback"](1, 0.0)
    assert len(running) == 1

    # `apply_target` calls no handler then.
    pool.future.set_exception(error)

    assert settled.told == ["acknowledged"]
    assert not is_held(request)
    assert len(running) == 0


def test_a_thread_that_could_not_begin_gives_its_slot_back(make: Make, settled: Settled) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AWAY

    pool = Pool()
    request = make(pool, eventer=SimpleNamespace(enabled=True, send=refuse))
    request.execute_using_pool(pool)
    with pytest.raises(RedisGone) as refused:
        pool.handlers["accept_callback"](1, 0.0)
    pool.future.set_exception(refused.value)

    assert settled.told == ["acknowledged"]
    assert not is_held(request)


def test_a_message_without_a_record_goes_back_into_its_queue_and_not_at_once(
    make: Make, settled: Settled, loop: Hub
) -> None:
    pool = Pool()
    request = make(pool, headers={})
    request.execute_using_pool(pool)

    pool.future.set_exception(AWAY)

    assert settled.told == []
    wait_for("it is put back", lambda: loop.run_once() or bool(settled.told), within_s=5)
    assert settled.told == ["put back"]
    assert not is_held(request)


@pytest.mark.parametrize("of_threads", [True, False])
def test_a_process_or_thread_that_is_done_is_not_held(
    make: Make, settled: Settled, of_threads: bool
) -> None:
    pool = Pool(of_threads=of_threads)
    request = make(pool)
    request.execute_using_pool(pool)
    pool.handlers["accept_callback"](1, 0.0)

    pool.handlers["callback"]((0, None, 0.1))

    assert settled.told == ["acknowledged"]
    assert not is_held(request)
    assert len(running) == 0


def test_an_event_that_cannot_be_sent_at_the_end_is_no_error(make: Make, settled: Settled) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AWAY

    pool = Pool()
    request = make(pool, eventer=SimpleNamespace(enabled=True, send=refuse))
    request.execute_using_pool(pool)

    pool.handlers["callback"]((0, None, 0.1))

    assert settled.told == ["acknowledged"]
    assert not is_held(request)


@pytest.mark.parametrize("error", [AWAY, MemoryError("a large one"), ValueError("a bug")])
def test_a_process_whose_failure_cannot_be_stored_gives_its_slot_back(
    make: Make, settled: Settled, error: Exception
) -> None:
    pool = Pool(of_threads=False)
    request = make(pool)
    request.execute_using_pool(pool)

    pool.handlers["error_callback"](failed(error))

    assert settled.told == ["acknowledged"]
    assert not is_held(request)


def test_what_a_lost_process_ran_still_goes_back_at_once(make: Make, settled: Settled) -> None:
    pool = Pool(of_threads=False)
    request = make(pool)
    request.execute_using_pool(pool)

    pool.handlers["error_callback"](failed(WorkerLostError("killed")))

    assert settled.told == ["put back"]
    assert not is_held(request)


def test_a_time_limit_whose_failure_cannot_be_stored_gives_its_slot_back(
    make: Make, settled: Settled
) -> None:
    pool = Pool(of_threads=False)
    request = make(pool)
    request.execute_using_pool(pool)
    pool.handlers["accept_callback"](1, 0.0)

    pool.handlers["timeout_callback"](soft=True, timeout=1)
    assert (settled.told, len(running)) == ([], 1)
    pool.handlers["timeout_callback"](soft=False, timeout=2)

    assert settled.told == ["acknowledged"]
    assert len(running) == 0


def test_a_revocation_that_cannot_be_stored_is_one(make: Make, settled: Settled) -> None:
    told: list[Any] = []

    def hear(**told_of: Any) -> None:
        told.append(told_of["request"].id)

    signals.task_revoked.connect(hear)
    request = make(Pool(), headers={})
    state.revoked.add(request.id)
    try:
        assert request.revoked()
    finally:
        signals.task_revoked.disconnect(hear)

    assert settled.told == ["acknowledged"]
    assert told == [request.id]
    assert not is_held(request)


def test_what_nobody_holds_any_more_is_not_running(make: Make) -> None:
    pool = Pool(of_threads=False)
    request = make(pool)
    request.execute_using_pool(pool)
    pool.handlers["accept_callback"](1, 0.0)
    assert len(running) == 1

    state.reset_state()
    pool.handlers.clear()
    del request
    gc.collect()

    assert len(running) == 0
