"""What stands in the ring: the shop and its baselines, each with processes and data of its own."""

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import ClassVar, Protocol, Self
from urllib.parse import urlsplit

import httpx
from redis import Redis

from loadtest.bench.bench import BenchBroke
from loadtest.bench.processes import Process
from testing.servers import running_valkey
from testing.stack import API, BEAT, BROKER_DB, FLOWER, RESULTS_DB, STORE_DB, WORKER_DEFAULT
from testing.stack import WORKER_PRIORITY as PRIORITY
from testing.stacks.local import LocalStack
from testing.stacks.ports import HOST, stable_port
from testing.waiting import wait_for

STARTS_WITHIN_S = 60.0
#: The items that `generator.order_requests` orders of, and more of each than any bench takes.
SKUS = tuple(f"SKU-{number}" for number in range(10))
STOCK = 1_000_000_000
PRICE_MINOR = 1_990
#: Many more than the benches leave open: what is measured is taking orders in.
NO_LIMIT = {"ORDER_BACKLOG_LIMIT": "10000000"}
#: A worker that was held for longer than its patience would take itself for stuck, and end.
NEVER_STALLED = {"STALL_AFTER_S": "3600"}
ORDER_QUEUES = ("default", "priority")
#: How the shop's API is started, and so the others' are.
UVICORN_OPTIONS = ("--timeout-graceful-shutdown", "1")


class ApiContender(Protocol):
    """An API in one process, to be asked over HTTP."""

    name: str

    @property
    def port(self) -> int: ...

    def clear(self) -> None:
        """Forget the orders; what it needs to run stays."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class Entered:
    """What is entered is undone in the reverse order, however far it came."""

    def __init__(self) -> None:
        self._to_undo = ExitStack()

    def _start(self) -> None: ...

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._to_undo.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._to_undo.close()


class Shop(Entered):
    """The shop, as `shop up` starts it, but without Flower; with or without the workers."""

    name = "shop"

    def __init__(
        self,
        *,
        workers: bool = False,
        environment: Mapping[str, str] | None = None,
        copies: Mapping[str, int] | None = None,
    ) -> None:
        """`copies` is as for `LocalStack`."""
        super().__init__()
        self._workers = workers
        without = {FLOWER} if workers else {FLOWER, BEAT, WORKER_DEFAULT, PRIORITY}
        settings = {
            **NO_LIMIT,
            **NEVER_STALLED,
            "NOTIFICATION_DELAY_MS": "0",
            "ORDER_DELAY_MS": "0",
        }
        self.stack = LocalStack({**settings, **(environment or {})}, without=without, copies=copies)

    @property
    def port(self) -> int:
        return _port(self.stack.base_url)

    def clear(self) -> None:
        # Workers' signs of life and the queues' bindings stay.
        store = self.stack.redis(STORE_DB)
        for queue in ORDER_QUEUES:
            self.stack.broker.lose(queue)
        self.stack.redis(RESULTS_DB).flushdb(asynchronous=False)
        for keys in _in_chunks(store, "*"):
            if gone := [key for key in keys if not key.startswith("workers:")]:
                store.delete(*gone)
        stock_up(store)

    def _start(self) -> None:
        self._to_undo.callback(self.stack.stop)
        self.stack.start()
        if self._workers:
            self.stack.wait_ready()
        else:
            wait_for(
                "the shop's API answers",
                lambda: answers(self.port, "/health/live"),
                within_s=STARTS_WITHIN_S,
                explain=self.stack.describe,
            )
        stock_up(self.stack.redis(STORE_DB))

    @property
    def api_pid(self) -> int:
        return self.stack.service(API).pids()[0]


class _Uvicorn(Entered):
    """An app of `loadtest.baselines` in one process."""

    name: str
    module: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.port = stable_port()

    def _start(self) -> None:
        self._start_api({})

    def _start_api(self, env: Mapping[str, str]) -> None:
        argv = (sys.executable, "-m", "uvicorn", f"{self.module}:app", "--host", HOST)
        process = Process(
            (*argv, "--port", str(self.port), *UVICORN_OPTIONS),
            env={"PYTHONUNBUFFERED": "1", **env},
            is_ready=lambda: answers(self.port, "/docs"),
        )
        self._to_undo.enter_context(process)


class Bare(_Uvicorn):
    """No I/O at all."""

    name = "bare"
    module = "loadtest.baselines.bare"

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        """`env` may name the files that hold the constant answers."""
        super().__init__()
        self._env = env or {}

    def clear(self) -> None:
        """There is nothing."""

    def _start(self) -> None:
        self._start_api(self._env)


class Naive(_Uvicorn):
    """The usual tutorial, with a Redis that is configured as the shop's; workers are optional."""

    name = "naive"
    module = "loadtest.baselines.naive_api"

    def __init__(self, *, workers: bool = False) -> None:
        super().__init__()
        self._workers = workers
        self.worker: Process | None = None

    def clear(self) -> None:
        for db in (RESULTS_DB, STORE_DB):
            self.redis(db).flushdb(asynchronous=False)
        self.redis(BROKER_DB).delete("celery")
        stock_up(self.redis(STORE_DB))

    def redis(self, db: int) -> Redis:
        return self._clients[db]

    def _start(self) -> None:
        url, self._clients = baseline_redis(self._to_undo)
        env = {"BENCH_REDIS_URL": url}
        stock_up(self.redis(STORE_DB))
        self._start_api(env)
        if self._workers:
            # As everybody starts it: one worker, with Celery's defaults.
            argv = celery_argv("loadtest.baselines.naive_tasks", "worker")
            self.worker = self._to_undo.enter_context(
                Process(argv, env=env, is_ready=lambda: consumers(self.redis(BROKER_DB)) >= 1)
            )


def baseline_redis(to_undo: ExitStack) -> tuple[str, dict[int, Redis]]:
    """A server configured as the shop's: its URL without a database, and a client for each."""
    options = {"appendfsync": "everysec"}
    server = to_undo.enter_context(running_valkey(appendonly=True, options=options))
    clients = {db: server.client(db) for db in (BROKER_DB, RESULTS_DB, STORE_DB)}
    for client in clients.values():
        to_undo.callback(client.close)
    return server.dsn().rpartition("/")[0], clients


def celery_argv(module: str, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "--quiet", "-A", module, *words)


def consumers(broker: Redis) -> int:
    """How many workers wait for a message now."""
    return sum(client["cmd"] == "brpop" for client in broker.client_list())


def stock_up(store: Redis) -> None:
    store.mset({f"stock:{sku}": STOCK for sku in SKUS})
    store.mset({f"price:{sku}": PRICE_MINOR for sku in SKUS})


def answers(port: int, path: str) -> bool:
    try:
        got = httpx.get(f"http://{HOST}:{port}{path}", timeout=2.0, trust_env=False)
    except httpx.HTTPError:
        return False
    return got.is_success


def cores() -> int:
    """That this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _port(url: str) -> int:
    port = urlsplit(url).port
    if port is None:
        raise BenchBroke(f"{url} has no port")
    return port


def _in_chunks(store: Redis, pattern: str, size: int = 5_000) -> list[list[str]]:
    keys = list(store.scan_iter(pattern, count=size))
    return [keys[start : start + size] for start in range(0, len(keys), size)]
