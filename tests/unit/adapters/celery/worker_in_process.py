"""A worker of Celery's in a thread of the tests, whose consumer is the shop's."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from types import SimpleNamespace
from typing import Any

from celery import Celery
from celery.worker import WorkController, state
from pydantic import SecretStr
from redis import Redis

from shop.adapters.celery.app import create_worker_app
from shop.adapters.redis.client import connect
from shop.adapters.redis.dead_messages import RedisDeadMessages
from shop.settings import Settings
from testing.servers import HOST, ValkeyProcess
from testing.waiting import wait_for

WITHIN_S = 30.0


@dataclass
class WorkerInProcess:
    """It knows two tasks: `record`, which keeps what it was given, and `fail`."""

    app: Celery
    server: ValkeyProcess
    broker: Redis
    store: Redis
    ran: list[tuple[str, Any]] = field(default_factory=list)
    #: What ended it, if anything did.
    fault: list[BaseException] = field(default_factory=list)
    controller: Any = None

    @property
    def dead_messages(self) -> RedisDeadMessages:
        return self.app.services().dead_messages  # type: ignore[no-any-return]

    def is_idle(self) -> bool:
        assert not self.fault, self.fault
        waiting = self.broker.llen("default") or self.broker.exists("unacked")
        return not waiting and not state.reserved_requests

    def wait(self, what: str, condition: Any) -> None:
        def holds() -> Any:
            assert not self.fault, self.fault
            return condition()

        wait_for(what, holds, within_s=WITHIN_S)


def wait_for_no_result(app: Celery) -> None:
    """Let `app` make no subscription for what it sends, which it would end when that is garbage."""
    app.backend.add_pending_result = lambda result, **_: result
    app.backend.remove_pending_result = lambda result: result


@contextmanager
def running_worker(
    valkey: ValkeyProcess,
    *,
    queues: Sequence[str] = ("default",),
    transport_options: Mapping[str, Any] | None = None,
    **conf: Any,
) -> Iterator[WorkerInProcess]:
    """`conf` is Celery's, and `transport_options` are added to the shop's own."""
    # Named, so that nothing of them comes from the environment of whoever runs the tests.
    settings = Settings(
        redis_host=HOST,
        redis_port=valkey.port,
        redis_password=None,
        redis_db=2,
        celery_broker_dsn=SecretStr(valkey.dsn(0)),
        celery_backend_dsn=SecretStr(valkey.dsn(1)),
    )
    app = create_worker_app(settings, **conf)
    app.conf.broker_transport_options.update(transport_options or {})
    dead_messages = RedisDeadMessages(connect(settings.store_dsn, "tests", retries=0))
    app.services = lambda: SimpleNamespace(dead_messages=dead_messages)
    with valkey.client(0) as broker, valkey.client(2) as store:
        worker = WorkerInProcess(app, valkey, broker, store)

        @app.task(name="record", bind=True, shared=False)
        def record(self: Any, *args: Any, **kwargs: Any) -> None:
            worker.ran.append((self.request.id, args))

        @app.task(name="fail", shared=False)
        def fail() -> None:
            raise ValueError("as it is told to")

        app.finalize()
        wait_for_no_result(app)
        worker.controller = controller = WorkController(
            app=app, pool_cls="solo", concurrency=1, queues=list(queues), hostname="tests@here"
        )

        def run() -> None:
            # Tasks look themselves up in it, and there is one for each thread.
            app.set_current()
            try:
                controller.start()
            except BaseException as error:
                worker.fault.append(error)

        thread = Thread(target=run, daemon=True)
        state.should_stop = None
        thread.start()
        try:
            wait_for("it consumes", lambda: controller.consumer.task_consumer, within_s=WITHIN_S)
            yield worker
        finally:
            state.should_stop = 0
            thread.join(WITHIN_S)
            state.should_stop = None
            state.reset_state()
            app.close()
            app.backend.client.connection_pool.disconnect()
