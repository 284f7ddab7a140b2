"""What only containers have: a user of their own, an image, health checks, limits."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from testing.stack import StackFailed
from testing.stacks.container import ContainerHandle
from testing.stacks.containers import ContainerStack
from testing.stacks.image import build_image
from testing.waiting import wait_for
from tests.integration.customer import Customer, Goods

pytestmark = pytest.mark.docker

SERVICES = ("backend", "workers", "celery_beat", "flower")
#: The first health check comes after an interval of 10 s.
HEALTHY_WITHIN_S = 60.0
#: In docker-compose.yml, for a sign of life.
MAX_AGE_S = 15.0


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest, container_stack: ContainerStack) -> ContainerHandle:
    return container_stack.container(request.param)


def test_every_process_belongs_to_a_user_without_rights(service: ContainerHandle) -> None:
    owners = service.run(["sh", "-c", "stat -c %u /proc/[0-9]* 2>/dev/null; true"]).split()
    assert len(owners) > 1
    assert set(owners) == {"10001"}
    effective = service.run(["sh", "-c", "grep -h CapEff /proc/[0-9]*/status 2>/dev/null; true"])
    assert {line.split()[1] for line in effective.splitlines()} == {"0" * 16}


def test_what_its_processes_hold_is_seen(service: ContainerHandle) -> None:
    """Each has an interpreter with Celery or FastAPI in it, and a limit of memory."""
    held = service.memory()

    assert held is not None
    assert 20 * 2**20 < held < 1024 * 2**20


def test_the_code_cannot_be_changed_from_inside(service: ContainerHandle) -> None:
    writable = service.run(
        ["sh", "-c", "find /opt/venv /usr/local /etc -writable -not -type l 2>/dev/null; true"]
    )
    assert writable == ""


def test_nothing_can_be_written_but_logs_and_what_is_gone_with_the_container(
    service: ContainerHandle,
) -> None:
    folders = "/ /app /bin /dev/shm /etc /home /opt/venv /root /srv /tmp /usr/local /var /var/tmp"
    script = f"""for folder in {folders} /app/logs /app/run /app/schedule; do
        if touch "$folder/probe" 2>/dev/null; then rm "$folder/probe"; echo "$folder"; fi
    done"""

    # No other service has a volume for a schedule.
    schedule = {"/app/schedule"} if service.name == "celery_beat" else set()
    assert set(service.run(["sh", "-c", script]).split()) == {
        "/app/logs", "/app/run", "/dev/shm", "/tmp", *schedule,
    }  # fmt: skip
    # Nor can a program be started from there.
    probe = "cp /bin/true /tmp/probe && /tmp/probe; echo $?; rm -f /tmp/probe"
    assert service.run(["sh", "-c", probe]).strip() == "126"


@pytest.mark.parametrize(
    ("name", "logs"),
    [
        ("backend", {"api.log"}),
        ("workers", {"worker-default.log", "worker-priority.log"}),
        ("celery_beat", {"beat.log"}),
        ("flower", {"flower.log"}),
    ],
)
def test_its_log_is_a_file_of_json_and_so_is_what_it_prints(
    container_stack: ContainerStack, name: str, logs: set[str]
) -> None:
    service = container_stack.container(name)

    kept = set(service.run(["sh", "-c", "cd /app/logs; ls *.log"]).split())
    assert kept == logs
    written = service.run(["sh", "-c", "cat /app/logs/*.log"]) + service.logs()
    for line in written.splitlines():
        assert {"level", "logger", "message", "service"} <= json.loads(line).keys()


def test_the_image_holds_nothing_to_build_or_install_with(service: ContainerHandle) -> None:
    tools = ("gcc", "cc", "make", "pip", "pip3", "git", "curl", "wget")
    found = service.run(
        ["sh", "-c", f"for tool in {' '.join(tools)}; do command -v $tool; done; true"]
    )
    assert found == ""
    script = (
        "import importlib.util as u; print([m for m in ('pip', 'setuptools') if u.find_spec(m)])"
    )
    assert service.run(["python", "-c", script]).strip() == "[]"


def test_no_tests_and_no_secrets_are_in_the_image(service: ContainerHandle) -> None:
    script = (
        "import importlib.util as u; print([m for m in ('testing', 'tests') if u.find_spec(m)])"
    )
    assert service.run(["python", "-c", script]).strip() == "[]"
    environment = json.loads(
        subprocess.run(
            ["docker", "image", "inspect", "--format", "{{json .Config.Env}}", build_image()],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )
    assert [entry for entry in environment if "PASSWORD" in entry or "KEY" in entry] == []


def test_redis_does_not_run_as_root(container_stack: ContainerStack) -> None:
    redis = container_stack.container("redis")
    (server,) = [p for p in redis.processes() if p.command.startswith("redis-server")]
    assert redis.run(["stat", "-c", "%U", f"/proc/{server.pid}"]).strip() == "redis"


@pytest.mark.parametrize("name", ["redis", *SERVICES])
def test_the_health_check_finds_it_healthy(container_stack: ContainerStack, name: str) -> None:
    service = container_stack.container(name)
    wait_for(
        f"{name} is healthy",
        lambda: service.health == "healthy",
        within_s=HEALTHY_WITHIN_S,
        explain=container_stack.describe,
    )


@pytest.fixture(scope="module")
def impatient_stack() -> Iterator[ContainerStack]:
    """Its watchdog judges after 3 s."""
    with ContainerStack({"STALL_AFTER_S": "3"}) as stack:
        yield stack


def test_a_stuck_worker_ends_itself_and_is_started_again(impatient_stack: ContainerStack) -> None:
    """By the supervisor in its container, which goes on, as does the other worker."""
    stack = impatient_stack
    workers = stack.container("workers")
    goods = Goods(stack.redis(), level=10, price_minor=1_990)
    before = {queue: _worker(workers, queue) for queue in ("default", "priority")}
    # Alive, connected and of no use: what it takes is never started.
    for process in workers.processes():
        if process.parent_pid == before["default"]:
            workers.send_signal(process.pid, signal.SIGSTOP)
    with Customer(stack) as customer:
        orders = [customer.place(goods.sku, qty=1) for _ in range(8)]
        for order_id in orders:
            customer.invoiced(order_id)

    assert goods.left == 2
    assert "this worker ends itself" in workers.logs()
    assert _worker(workers, "default") != before["default"]
    assert _worker(workers, "priority") == before["priority"]
    assert _health(workers) == "ok"


def test_the_health_check_tells_of_a_worker_whose_watchdog_cannot(
    impatient_stack: ContainerStack,
) -> None:
    workers = impatient_stack.container("workers")
    wait_for("both show signs of life", lambda: _health(workers) == "ok", within_s=HEALTHY_WITHIN_S)
    with _standing_still(workers, _worker(workers, "default")):
        wait_for(
            "the check names it",
            lambda: "worker-default: last sign of life" in _health(workers),
            within_s=2 * MAX_AGE_S,
        )
        assert workers.is_running
    wait_for("it is well again", lambda: _health(workers) == "ok", within_s=HEALTHY_WITHIN_S)


def _worker(workers: ContainerHandle, queue: str) -> int:
    """The main process of the worker of a queue."""
    found = [p.pid for p in workers.processes() if f"worker -Q {queue}" in p.command]
    return min(found, default=0)


def _health(workers: ContainerHandle) -> str:
    """What the container's health check says, without waiting for its turn."""
    try:
        return workers.run(workers.health_command).strip()
    except StackFailed as error:
        return str(error)


@contextmanager
def _standing_still(workers: ContainerHandle, pid: int) -> Iterator[None]:
    workers.send_signal(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        workers.send_signal(pid, signal.SIGCONT)
