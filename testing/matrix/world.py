"""A shop's services in this process, over a real server, and what they have accepted."""

import asyncio
import json
import os
import time
import warnings
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from unittest.mock import patch

from billiard.einfo import ExceptionInfo
from celery import Celery, states
from celery.app import base
from celery.app.trace import build_tracer
from redis import Redis

from shop import tasks
from shop.adapters.celery.app import create_worker_app
from shop.adapters.celery.backend import use_round_trips
from shop.adapters.celery.envelope import ENQUEUED_AT_HEADER
from shop.adapters.celery.request import DELIVERY_ID, RECEIVED_MONOTONIC_S
from shop.bootstrap import ApiServices, WorkerServices, bootstrap_api, bootstrap_worker
from shop.domain.notification import Mail, Notification
from shop.domain.order import Order
from shop.domain.ports import Mailer
from shop.domain.stock import StockLevel
from shop.domain.work import Job, Queue, TaskName
from shop.settings import Settings
from testing.faults.resp_proxy import RespProxy
from testing.matrix.hurry import timeouts
from testing.servers import HOST, ValkeyProcess
from testing.waiting import PATIENT_S

T = TypeVar("T")

BROKER_DB, RESULTS_DB, STORE_DB = 0, 1, 2
STOCK = 1_000
SKU = "SKU-1"
OVERDUE_AFTER_S = 0.05


@dataclass(frozen=True, slots=True)
class Accepted:
    """An order of this world, and what is to become of it."""

    order: Order
    status: str = "processed"
    #: How many notifications its customer is owed.
    notices: int = 1
    has_invoice: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a world holds: what it has accepted, and its server's keys as the server writes them."""

    orders: tuple[Accepted, ...]
    #: Each with its database.
    kept: tuple[tuple[int, bytes, bytes], ...]


@dataclass
class Shop:
    """One shop's services: those of an API and of a worker, with connections of their own."""

    settings: Settings
    mailer: Mailer
    #: A worker's, whose tasks are run as a worker's pool runs them.
    celery: Celery
    loop: asyncio.Runner
    _api: ApiServices | None = None
    _worker: WorkerServices | None = None

    @property
    def worker(self) -> WorkerServices:
        if self._worker is None:
            self._worker = bootstrap_worker(self.settings, mailer=self.mailer)
        return self._worker

    def __post_init__(self) -> None:
        self.celery.services = lambda: self.worker
        use_round_trips(self.celery, lambda: self.worker.result_trips)

    def ask(self, question: Callable[[ApiServices], Awaitable[T]]) -> T:
        """What the API's services answer."""

        async def asked() -> T:
            if self._api is None:
                self._api = bootstrap_api(self.settings)
            return await question(self._api)

        return self.loop.run(asked())

    def run(self, job: Job) -> Any:
        """Deliver `job` to its task; returns what it returned, None if that was nothing.

        Raises what the task raised, or what storing its result did.
        """
        task = self.celery.tasks[job.task]
        request = {
            "id": job.task_id,
            "task": job.task,
            ENQUEUED_AT_HEADER: job.enqueued_at_ms,
            "delivery_info": {"routing_key": self.worker.publisher.queue_of(job.task)},
            "is_eager": False,
            DELIVERY_ID: os.urandom(8).hex(),
            RECEIVED_MONOTONIC_S: time.monotonic(),
        }
        trace = build_tracer(job.task, task, app=self.celery)
        with warnings.catch_warnings():
            # Celery's word for a result that could not be stored.
            warnings.simplefilter("ignore", RuntimeWarning)
            outcome, info, *_ = trace(job.task_id, list(job.args), {}, request)
        if isinstance(outcome, ExceptionInfo):
            if info is not None and info.state == states.IGNORED:
                return None
            # Celery wraps it together with its traceback.
            raise getattr(outcome.exception, "exc", outcome.exception)
        return outcome

    def close(self) -> None:
        async def close() -> None:
            if self._api is not None:
                await self._api.close()

        self.loop.run(close())
        if self._worker is not None:
            self._worker.trips.close()


class World:
    """A server, the way to it that can be spoiled, and a shop beside it that goes directly."""

    def __init__(self, server: ValkeyProcess, proxy: RespProxy) -> None:
        self.server = server
        self.proxy = proxy
        self.orders: list[Accepted] = []
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        self.store: Redis = self._opened.enter_context(self.server.client(STORE_DB))
        self._raw = self._opened.enter_context(
            Redis(host=HOST, port=self.server.port, db=STORE_DB, single_connection_client=True)
        )
        self.broker: Redis = self._opened.enter_context(self.server.client(BROKER_DB))
        self._opened.enter_context(timeouts(PATIENT_S))
        loop = self._loop = self._opened.enter_context(asyncio.Runner())
        settings = self._settings(self.server.port)
        self.beside = Shop(settings, Delivering(), _worker_app(settings), loop)
        self._opened.callback(self.beside.close)
        self._chosen = self._settings(self.proxy.port)
        self._app = _worker_app(self._chosen)
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def reset(self) -> None:
        """Nothing was ever ordered, and the server knows no script."""
        self.orders = []
        self.proxy.cut()
        self.store.flushall()
        self.beside.worker.stock.put(StockLevel(SKU, STOCK, 1_990))
        self.store.script_flush()

    def snapshot(self) -> "Snapshot":
        """All that is there, to be brought back by `restore`."""
        kept = []
        for db in (BROKER_DB, RESULTS_DB, STORE_DB):
            with Redis(host=HOST, port=self.server.port, db=db) as client:
                for key in client.scan_iter(count=1_000):
                    dumped: Any = client.dump(key)
                    kept.append((db, key, dumped))
        return Snapshot(tuple(self.orders), tuple(kept))

    def restore(self, snapshot: "Snapshot") -> None:
        """Nothing is there but what was, and the server knows no script."""
        self.proxy.cut()
        self.orders = list(snapshot.orders)
        with self._raw.pipeline(transaction=False) as pipe:
            pipe.flushall()
            pipe.script_flush()
            for db, key, dumped in snapshot.kept:
                pipe.execute_command("SELECT", db)
                pipe.execute_command("RESTORE", key, 0, dumped)
            pipe.execute_command("SELECT", STORE_DB)
            pipe.execute()

    @contextmanager
    def shop(self, mailer: Mailer, settings: Mapping[str, Any]) -> Iterator[Shop]:
        """A shop whose way can be spoiled."""
        shop = Shop(self._chosen.model_copy(update=settings), mailer, self._app, self._loop)
        try:
            yield shop
        finally:
            shop.close()

    def _settings(self, port: int) -> Settings:
        """Whatever stands in the environment of this process."""
        defaults = {name: each.get_default() for name, each in Settings.model_fields.items()}
        chosen = {
            "redis_host": HOST,
            "redis_port": port,
            "overdue_after_s": OVERDUE_AFTER_S,
            "notification_delay_ms": 0,
        }
        return Settings(**{**defaults, **chosen})

    def accept(self, order: Order, **wanted: Any) -> Job:
        """Place it beside, and take its message off the queue."""
        self.orders.append(Accepted(order, **wanted))
        self.beside.ask(lambda api: api.orders.place(order))
        return self.take(Queue.DEFAULT)

    def is_accepted(self, order: Order) -> None:
        """Somebody was told so; once counts."""
        if all(each.order != order for each in self.orders):
            self.orders.append(Accepted(order))

    def drained(self) -> Iterator[Job]:
        """Every message that waits; what is sent meanwhile comes too."""
        while jobs := [job for queue in Queue if (job := self.next_job(queue)) is not None]:
            yield from jobs

    def notify(self, notification: Notification) -> Job:
        self.beside.ask(lambda api: api.notifications.send(notification))
        return self.take(Queue.PRIORITY)

    def take(self, queue: Queue) -> Job:
        """The next message of `queue`."""
        job = self.next_job(queue)
        assert job is not None, f"nothing waits in {queue}"
        return job

    def next_job(self, queue: Queue) -> Job | None:
        text: Any = self.broker.rpop(queue.value)
        if text is None:
            return None
        message = json.loads(text)
        headers = message["headers"]
        args, *_ = json.loads(b64decode(message["body"]))
        stamp = headers.get(ENQUEUED_AT_HEADER)
        return Job(TaskName(headers["task"]), tuple(args), headers["id"], stamp or 0)

    def time_passes(self) -> None:
        """All that is owed is overdue, and whoever had it in hand has had it long enough."""
        for key in ("orders:open", "notifications:open"):
            members: Any = self.store.zrange(key, 0, -1)
            if members:
                self.store.zadd(key, dict.fromkeys(members, 0), xx=True)
        if self.store.exists("mail:pause"):
            self.store.hset("mail:pause", "until", 0)


class Delivering:
    """A mailer that takes everything."""

    lease_s = 0.0

    def deliver(self, mail: Mail) -> None:
        """It is delivered."""


def _worker_app(settings: Settings) -> Celery:
    app = create_worker_app(settings)
    # Not in every other app of this process, too.
    with patch.object(base, "connect_on_app_finalize", lambda make: make):
        tasks.register(app)
    app.finalize()
    return app
