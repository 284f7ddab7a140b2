"""What only containers have: a user of their own, an image, health checks, limits."""

import json
import subprocess

import pytest

from testing.stacks.container import ContainerHandle
from testing.stacks.containers import ContainerStack
from testing.stacks.image import build_image
from testing.waiting import wait_for

pytestmark = pytest.mark.docker

SERVICES = ("backend", "workers", "celery_beat", "flower")
#: The first health check comes after an interval of 10 s.
HEALTHY_WITHIN_S = 60.0


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest, container_stack: ContainerStack) -> ContainerHandle:
    return container_stack.container(request.param)


def test_every_process_belongs_to_a_user_without_rights(service: ContainerHandle) -> None:
    owners = service.run(["sh", "-c", "stat -c %u /proc/[0-9]* 2>/dev/null; true"]).split()
    assert len(owners) > 1
    assert set(owners) == {"10001"}
    effective = service.run(["sh", "-c", "grep -h CapEff /proc/[0-9]*/status 2>/dev/null; true"])
    assert {line.split()[1] for line in effective.splitlines()} == {"0" * 16}


def test_the_code_cannot_be_changed_from_inside(service: ContainerHandle) -> None:
    writable = service.run(
        ["sh", "-c", "find /opt/venv /usr/local /etc -writable -not -type l 2>/dev/null; true"]
    )
    assert writable == ""


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
