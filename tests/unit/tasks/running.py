"""Real workers of the shop, started as people start them, and a foreign client of theirs."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from celery import Celery
from celery.result import AsyncResult
from redis import Redis

import shop
from shop.domain.work import Queue
from testing.environment import without_settings
from testing.servers import ValkeyProcess
from testing.waiting import wait_for

REPOSITORY = Path(shop.__file__).parents[1]
START_WITHIN_S = 30.0
STOP_WITHIN_S = 10.0
RESULT_WITHIN_S = 15.0


@dataclass
class Worker:
    """A worker's process and what it has printed."""

    process: subprocess.Popen[bytes]
    log: Path

    def output(self) -> str:
        return self.log.read_text(errors="replace")


@contextmanager
def running_worker(
    folder: Path,
    queue: Queue,
    arguments: Sequence[str],
    env: Mapping[str, str],
    *,
    app: str = "shop.worker",
) -> Iterator[Worker]:
    """`celery -A {app} worker` for one queue, with these settings and no others."""
    log = folder / f"{queue}.log"
    command = [sys.executable, "-m", "celery", "-A", app, "worker"]
    command += ["-Q", queue.value, "-n", f"{queue}@test", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=without_settings(os.environ) | {"PYTHONPATH": str(REPOSITORY)} | dict(env),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Worker(process, log)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_WITHIN_S)
        # Its pool's processes are in its group, whatever became of it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@dataclass
class Shop:
    """Both workers, their server, and a Celery client that knows nothing of the shop."""

    server: ValkeyProcess
    workers: Mapping[Queue, Worker]
    client: Celery
    store: Redis

    def send(self, task: str, *args: Any, queue: str = "default", **options: Any) -> AsyncResult:
        return self.client.send_task(task, args=args, queue=queue, **options)

    def ended(self, sent: AsyncResult) -> AsyncResult:
        """Wait until the task has succeeded or failed."""
        return self.wait(f"{sent.id} ends", lambda: sent if sent.ready() else None)

    def result(self, sent: AsyncResult) -> Any:
        """Wait until the task has succeeded, and what it returned."""
        self.ended(sent)
        assert sent.state == "SUCCESS", (sent.state, sent.result, self.describe())
        return sent.result

    def failure(self, sent: AsyncResult) -> str:
        """Wait until the task has failed, and its error as it is stored for every client."""
        self.ended(sent)
        assert sent.state == "FAILURE", (sent.state, sent.result, self.describe())
        with self.server.client(1) as results:
            error = json.loads(results.get(f"celery-task-meta-{sent.id}"))["result"]
        return f"{error['exc_type']}: {', '.join(error['exc_message'])}"

    def drain(self) -> None:
        """Wait until no task waits or runs."""
        looks = 0

        def idle() -> bool:
            nonlocal looks
            with self.server.client(0) as broker:
                busy = broker.exists("unacked", *(queue.value for queue in Queue))
            # A message is in neither for the moment between being taken and being noted down.
            looks = 0 if busy else looks + 1
            return looks == 3

        self.wait("the workers are idle", idle)

    def wait(self, what: str, attempt: Any) -> Any:
        return wait_for(what, attempt, within_s=RESULT_WITHIN_S, explain=self.describe)

    def describe(self) -> str:
        """What the queues and the logs hold."""
        with self.server.client(0) as broker:
            waiting = {queue.value: broker.llen(queue) for queue in Queue}
        logs = [
            f"--- {queue}\n{worker.output()[-3_000:]}" for queue, worker in self.workers.items()
        ]
        return "\n".join([f"waiting: {waiting}", *logs])


@contextmanager
def running_shop(
    server: ValkeyProcess, folder: Path, env: Mapping[Queue, Mapping[str, str]]
) -> Iterator[Shop]:
    common = {"REDIS_PORT": str(server.port), "LOG_FORMAT": "json"}
    client = Celery(
        "foreign", broker=server.dsn(0), backend=server.dsn(1), set_as_current=False, fixups=[]
    )
    with (
        server.client(2) as store,
        running_worker(
            folder, Queue.DEFAULT, ["-c", "1"], common | dict(env[Queue.DEFAULT])
        ) as default,
        running_worker(
            folder,
            Queue.PRIORITY,
            ["-P", "threads", "-c", "4"],
            common | dict(env[Queue.PRIORITY]),
        ) as priority,
    ):
        workers = {Queue.DEFAULT: default, Queue.PRIORITY: priority}
        running = Shop(server, workers, client, store)
        for queue, worker in workers.items():
            wait_for(
                f"the {queue} worker gives a sign of life",
                partial(_alive, store, queue, worker),
                within_s=START_WITHIN_S,
                explain=running.describe,
            )
        yield running
        for worker in workers.values():
            # Both at once; each is waited for when its block ends.
            worker.process.terminate()
        client.backend.client.close()
        client.close()


def _alive(store: Redis, queue: Queue, worker: Worker) -> bool:
    assert worker.process.poll() is None, worker.output()
    return bool(store.zcard(f"workers:{queue}"))
