"""Processes of a shop whose broker's database may be another shop's."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from shop.adapters.redis.ownership import SHOP_OWNER
from shop.domain.work import Queue
from testing.environment import without_settings
from testing.servers import ValkeyProcess, running_valkey
from testing.waiting import wait_for
from tests.unit.tasks.running import REPOSITORY, Worker, running_worker

#: The default worker yields to all else that a busy machine does.
ENDS_WITHIN_S = STARTS_WITHIN_S = 120.0
POOLS = {Queue.DEFAULT: ["-c", "1"], Queue.PRIORITY: ["-P", "threads", "-c", "2"]}


@contextmanager
def running_beat(folder: Path, **env: str) -> Iterator[Worker]:
    log = folder / "beat.log"
    command = [sys.executable, "-m", "celery", "-A", "shop.worker", "beat"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--schedule", str(folder / "schedule")],
            cwd=folder,
            env={**without_settings(os.environ), "PYTHONPATH": str(REPOSITORY), **env},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Worker(process, log)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def taken(valkey: ValkeyProcess) -> ValkeyProcess:
    """A broker in use by a shop whose store is database 3."""
    with valkey.client(0) as broker, valkey.client(3) as store:
        store.set("shop:id", "first")
        broker.set(SHOP_OWNER, "first database 3 of the same server")
    return valkey


def environment(server: ValkeyProcess) -> dict[str, str]:
    return {"REDIS_PORT": str(server.port), "LOG_FORMAT": "json"}


def ended(worker: Worker) -> int:
    return worker.process.wait(ENDS_WITHIN_S)


def wait_for_line(worker: Worker, text: str) -> None:
    def is_there() -> bool:
        assert worker.process.poll() is None, worker.output()
        return text in worker.output()

    wait_for(text, is_there, within_s=STARTS_WITHIN_S, explain=worker.output)


def assert_refused(worker: Worker) -> None:
    assert ended(worker) == os.EX_CONFIG, worker.output()
    (line,) = [line for line in worker.output().splitlines() if "belongs to another shop" in line]
    assert "database 3 of the same server; this one's is database 2" in line
    assert "Traceback" not in worker.output()


@pytest.mark.parametrize("queue", POOLS)
def test_a_worker_takes_nothing_from_another_shops_queue(
    taken: ValkeyProcess, tmp_path: Path, queue: Queue
) -> None:
    with taken.client(0) as broker, taken.client(2) as store:
        broker.lpush(queue.value, "a message of the other shop's")
        with running_worker(tmp_path, queue, POOLS[queue], environment(taken)) as worker:
            assert_refused(worker)
        assert broker.lrange(queue.value, 0, -1) == ["a message of the other shop's"]
        assert not broker.exists("unacked")
        assert store.zcard(f"workers:{queue}") == 0


def test_beat_sends_nothing_to_another_shops_queue(taken: ValkeyProcess, tmp_path: Path) -> None:
    with running_beat(tmp_path, **environment(taken)) as beat:
        assert_refused(beat)
    with taken.client(0) as broker:
        assert broker.llen("default") == 0


@pytest.mark.parametrize("queue", POOLS)
def test_a_worker_whose_store_is_away_at_start_waits_and_then_works(
    valkey: ValkeyProcess, tmp_path: Path, queue: Queue
) -> None:
    with running_valkey() as store:
        store.stop()
        env = {**environment(store), "CELERY_BROKER_DSN": valkey.dsn(0)}
        with running_worker(tmp_path, queue, POOLS[queue], env) as worker:
            wait_for_line(worker, "asks again whose the broker is")
            store.start()
            wait_for_line(worker, "ready.")
            with valkey.client(0) as broker:
                assert broker.get(SHOP_OWNER).endswith(f" 127.0.0.1:{store.port}/2")


def test_a_worker_whose_store_is_full_at_start_waits_and_then_works(
    valkey: ValkeyProcess, tmp_path: Path
) -> None:
    with running_valkey() as store, store.client(2) as client:
        client.config_set("maxmemory", "1")
        env = {**environment(store), "CELERY_BROKER_DSN": valkey.dsn(0)}
        with running_worker(tmp_path, Queue.PRIORITY, POOLS[Queue.PRIORITY], env) as worker:
            wait_for_line(worker, "asks again whose the broker is")
            client.config_set("maxmemory", "0")
            wait_for_line(worker, "ready.")


@pytest.mark.parametrize("queue", POOLS)
def test_a_worker_that_waits_ends_when_it_is_told_to(
    valkey: ValkeyProcess, tmp_path: Path, queue: Queue
) -> None:
    with running_valkey() as store:
        store.stop()
        env = {**environment(store), "CELERY_BROKER_DSN": valkey.dsn(0)}
        with running_worker(tmp_path, queue, POOLS[queue], env) as worker:
            wait_for_line(worker, "asks again whose the broker is")
            worker.process.send_signal(signal.SIGTERM)
            assert ended(worker) == 0


def test_beat_whose_store_is_away_lives_and_then_sends(
    valkey: ValkeyProcess, tmp_path: Path
) -> None:
    with running_valkey() as store:
        store.stop()
        env = {
            **environment(store),
            "CELERY_BROKER_DSN": valkey.dsn(0),
            "SHOP_RUN_DIR": str(tmp_path),
        }
        with running_beat(tmp_path, **env) as beat:
            wait_for_line(beat, "asks again whose the broker is")
            alive = tmp_path / "beat.alive"
            wait_for("a sign of life", alive.exists, within_s=STARTS_WITHIN_S, explain=beat.output)
            store.start()
            with valkey.client(0) as broker:
                wait_for(
                    "it is this shop's",
                    lambda: broker.exists(SHOP_OWNER),
                    within_s=STARTS_WITHIN_S,
                    explain=beat.output,
                )
            beat.process.send_signal(signal.SIGTERM)
            assert ended(beat) == 0


def test_a_worker_that_comes_back_to_another_shops_broker_ends(
    valkey: ValkeyProcess, tmp_path: Path
) -> None:
    queue = Queue.PRIORITY
    with running_worker(tmp_path, queue, POOLS[queue], environment(valkey)) as worker:
        wait_for_line(worker, "ready.")
        with valkey.client(0) as broker:
            broker.set(SHOP_OWNER, "first database 3 of the same server")
            for client in broker.client_list():
                # Its own, which asks for this, is not among them.
                if client["name"] != "shop-ownership" and client["id"] != str(broker.client_id()):
                    with suppress(Exception):
                        broker.client_kill_filter(_id=client["id"])
        assert_refused(worker)
