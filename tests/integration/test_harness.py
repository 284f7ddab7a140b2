"""The stacks themselves: services can be disturbed, and nothing outlives whoever started it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psutil
import pytest
from docker.errors import NotFound
from redis.exceptions import ConnectionError as RedisGone
from testcontainers.core.labels import LABEL_SESSION_ID

from docker import from_env
from shop.local.ready import http_ok
from testing.stack import (
    BEAT,
    FLOWER,
    REDIS,
    WORKER_DEFAULT,
    WORKER_PRIORITY,
    ServiceHandle,
    Stack,
    StackFailed,
)
from testing.stacks.compose import ROOT
from testing.stacks.local import LocalStack
from testing.stacks.ports import HOST
from testing.stacks.reaper import start_reaper
from testing.waiting import TimedOut, wait_for
from tests.integration.customer import Customer, Goods

WITHIN_S = 60.0


def _answers(stack: Stack) -> bool:
    host, _, port = stack.flower_url.removeprefix("http://").partition(":")
    return http_ok(host, int(port), "/healthcheck")()


@contextmanager
def _brought_back(stack: Stack, service: ServiceHandle) -> Iterator[None]:
    """Flower is the one whose absence disturbs nobody."""
    try:
        yield
    finally:
        service.resume()
        if not service.is_running:
            service.start()
        wait_for(
            "Flower answers", lambda: _answers(stack), within_s=WITHIN_S, explain=stack.describe
        )


def test_a_frozen_service_keeps_its_processes_and_does_not_answer(stack: Stack) -> None:
    service = stack.service(FLOWER)
    pids = service.pids()
    with _brought_back(stack, service):
        service.pause()
        assert service.is_running
        assert not _answers(stack)
    assert service.pids() == pids
    service.resume()


def test_a_killed_service_is_gone_until_it_is_started(stack: Stack) -> None:
    service = stack.service(FLOWER)
    with _brought_back(stack, service):
        service.kill()
        assert not service.is_running
        assert service.pids() == []
        assert not _answers(stack)
    with pytest.raises(StackFailed, match="runs already"):
        service.start()


def test_a_frozen_service_can_be_killed(stack: Stack) -> None:
    service = stack.service(FLOWER)
    with _brought_back(stack, service):
        service.pause()
        service.kill()
        assert not service.is_running


def test_a_service_is_asked_to_stop_and_its_log_goes_on_after_a_restart(stack: Stack) -> None:
    service = stack.service(FLOWER)
    before = service.logs()
    with _brought_back(stack, service):
        service.stop()
        assert not service.is_running
    last_line, after = service.logs(1), service.logs()
    assert after.startswith(before)
    assert last_line in after.removeprefix(before).splitlines(keepends=True)


def test_a_process_of_a_pool_is_found_killed_and_replaced(
    stack: Stack, customer: Customer, goods: Goods
) -> None:
    service = stack.service(WORKER_DEFAULT)

    def pool() -> set[int]:
        """The children of the worker of `default` that are workers themselves."""
        workers = [p for p in service.processes() if "worker -Q default" in p.command]
        mains = {p.pid for p in workers} & {p.parent_pid for p in workers}
        return {p.pid for p in workers if p.parent_pid in mains}

    before = pool()
    victim = min(before)
    service.send_signal(victim, signal.SIGKILL)
    after = customer.until(
        "the pool is complete again",
        lambda: (now := pool()) and victim not in now and len(now) == len(before) and now,
    )
    assert after != before
    customer.invoiced(customer.place(goods.sku))


def test_only_a_service_s_own_processes_are_sent_signals(stack: Stack) -> None:
    with pytest.raises(StackFailed, match="no process of"):
        stack.service(FLOWER).send_signal(2**22 - 1, signal.SIGTERM)


def test_redis_keeps_what_it_acknowledged_when_it_is_killed(
    stack: Stack, customer: Customer, goods: Goods
) -> None:
    redis = stack.service(REDIS)
    customer.invoiced(customer.place(goods.sku))
    redis.kill()
    redis.start()
    customer.until("the shop is ready again", lambda: _ready(customer))
    assert goods.left == 8


def test_a_failure_report_holds_queues_workers_and_logs(stack: Stack, customer: Customer) -> None:
    # What the test before left behind and what Beat sends now and then take their time.
    report = customer.until(
        "nothing waits",
        lambda: "waiting {'default': 0, 'priority': 0}" in (said := stack.describe()) and said,
    )
    assert "default@" in report
    for service in stack.services:
        assert f"--- {service.name} runs as" in report


def test_a_stack_that_cannot_start_says_what_its_logs_held_and_leaves_nothing() -> None:
    stack = LocalStack(without={WORKER_DEFAULT, WORKER_PRIORITY, BEAT, FLOWER})
    with (
        socket.create_server((HOST, urlsplit(stack.base_url).port or 0)),
        pytest.raises(TimedOut) as raised,
        stack,
    ):
        pytest.fail("it started")
    assert "api ended" in str(raised.value)
    assert "address already in use" in str(raised.value)
    assert stack.services == []
    with pytest.raises(RedisGone):
        stack.redis().ping()


#: A signal between two instructions and a read that waits without a limit is noticed when the read
#: ends: 22 of 73 000 were lost so on a busy machine. So it looks up every now and then.
OWNER = """
import sys
from select import select
from testing.stack import BEAT, FLOWER, RABBITMQ, WORKER_DEFAULT
from testing.stacks.local import LocalStack
from testing.waiting import wait_for

with LocalStack(without={BEAT, FLOWER}) as stack:
    worker = stack.service(WORKER_DEFAULT)
    wait_for("the pool is there", lambda: len(worker.pids()) > 2, within_s=60)
    # A container counts its processes by itself, and has a reaper of its own.
    own = [service for service in stack.services if service.name != RABBITMQ]
    print(*(pid for service in own for pid in service.pids()), flush=True)
    while not select([sys.stdin], [], [], 0.1)[0]:
        pass
"""


def whereabouts(owner: "subprocess.Popen[str]", stderr: Path) -> str:
    """Where each thread of `owner` is; it ends by this."""
    owner.send_signal(signal.SIGABRT)
    owner.wait(WITHIN_S)
    return stderr.read_text()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_whoever_started_it(signum: signal.Signals, tmp_path: Path) -> None:
    complaints = tmp_path / "stderr"
    with complaints.open("w") as stderr:
        owner = subprocess.Popen(
            # So that it can be asked where it hangs.
            [sys.executable, "-X", "faulthandler", "-c", OWNER],
            cwd=ROOT,
            # Who is killed cannot remove the stack's folder.
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        assert owner.stdout is not None
        pids = [int(pid) for pid in owner.stdout.readline().split()]
        # Redis, the API, and two workers, one of them with a pool.
        assert len(pids) > 4
        assert all(psutil.pid_exists(pid) for pid in pids)
        owner.send_signal(signum)
        wait_for(
            "the owner has ended",
            lambda: owner.poll() is not None,
            within_s=WITHIN_S,
            explain=lambda: whereabouts(owner, complaints),
        )
        wait_for(
            "all services have ended",
            lambda: not any(psutil.pid_exists(pid) for pid in pids),
            within_s=WITHIN_S,
            explain=lambda: str([pid for pid in pids if psutil.pid_exists(pid)]),
        )
    finally:
        owner.kill()
        owner.communicate()


@pytest.mark.docker
def test_no_container_outlives_its_session() -> None:
    session_id = str(uuid4())
    labels = {LABEL_SESSION_ID: session_id}
    reaper = start_reaper(session_id)
    client = from_env()
    try:
        network = client.networks.create(f"reaped-{session_id}", labels=labels)
        container = client.containers.create("redis:8.0", network=network.name, labels=labels)
        other = client.containers.create("redis:8.0", labels={LABEL_SESSION_ID: "another"})
        try:
            assert reaper.stdin is not None
            reaper.stdin.close()
            assert reaper.wait(WITHIN_S) == 0
            for collection, gone in ((client.containers, container), (client.networks, network)):
                with pytest.raises(NotFound):
                    collection.get(gone.id)
            assert client.containers.get(other.id).id == other.id
        finally:
            other.remove(v=True)
    finally:
        reaper.kill()
        reaper.wait()
        client.close()


@pytest.mark.docker
def test_a_session_that_ends_by_itself_has_removed_its_containers() -> None:
    """And leaves no process behind that nobody waited for, which Python would complain about."""
    session = """
import sys
from docker import from_env
from testing.stacks.reaper import LABEL, ensure_reaper
ensure_reaper(sys.argv[1])
print(from_env().containers.create("redis:8.0", labels={LABEL: sys.argv[1]}).id)
"""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", session, str(uuid4())],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
    )
    assert "still running" not in done.stderr
    client = from_env()
    try:
        with pytest.raises(NotFound):
            client.containers.get(done.stdout.strip())
    finally:
        client.close()


def _ready(customer: Customer) -> bool:
    try:
        return customer.http.get("/health/ready").is_success
    except httpx.TransportError:
        return False
