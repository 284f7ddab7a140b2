"""A worker that is sent SIGHUP begins anew, as Celery's do."""

import os
import signal
from pathlib import Path

import pytest

from shop.domain.work import Queue
from testing.servers import ValkeyProcess
from testing.waiting import PATIENT_S, wait_for
from tests.unit.tasks.running import Worker, running_worker


@pytest.mark.parametrize(
    "arguments", [["-c", "1"], ["-P", "threads", "-c", "2"]], ids=["prefork", "threads"]
)
def test_it_begins_anew_with_the_same_command(
    valkey: ValkeyProcess, tmp_path: Path, arguments: list[str]
) -> None:
    env = {"REDIS_PORT": str(valkey.port), "LOG_FORMAT": "json"}
    with running_worker(tmp_path, Queue.DEFAULT, arguments, env) as worker:
        for times in (1, 2, 3):
            wait_for(
                "it is ready", lambda times=times: _is_ready(worker, times), within_s=PATIENT_S
            )
            niceness = os.getpriority(os.PRIO_PROCESS, worker.process.pid)
            if times < 3:
                worker.process.send_signal(signal.SIGHUP)

        assert worker.process.poll() is None
        assert niceness == max(10, os.nice(0))
        worker.process.terminate()
        assert worker.process.wait(PATIENT_S) == 0


def _is_ready(worker: Worker, times: int) -> bool:
    assert worker.process.poll() is None, worker.output()
    return worker.output().count("default@test ready") == times
