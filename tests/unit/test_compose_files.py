"""The Compose files as Compose reads them."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shop.settings import Settings
from tests.unit.checkout import REPOSITORY, SERVICES

PRODUCTION = ("docker-compose.yml",)
DEVELOPMENT = ("docker-compose.dev.yml",)
SCALED = (*PRODUCTION, "docker-compose.scale.yml")
FROM_FILES = (*PRODUCTION, "docker-compose.secrets.yml")
ON_RABBITMQ = (*PRODUCTION, "docker-compose.rabbitmq.yml")
LAYERED = PRODUCTION + DEVELOPMENT
PYTHON_SERVICES = tuple(name for name in SERVICES if name != "redis")
PASSWORD = {"FLOWER_PASSWORD": "correct horse"}
BROKER = {
    "RABBITMQ_PASSWORD": "hunter2",
    "CELERY_BROKER_DSN": "amqp://shop:hunter2@rabbitmq:5672//",
}


def compose(
    files: tuple[str, ...], *command: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Ask Compose, which needs no engine for it, and hide this machine's own settings from it."""
    return subprocess.run(
        ["docker", "compose", "--env-file", os.devnull]
        + [part for name in files for part in ("-f", name)]
        + list(command),
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@cache
def _compose_answers() -> bool:
    try:
        return compose((), "version", environment={}).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture(autouse=True)
def _require_compose() -> None:
    if _compose_answers():
        return
    message = "Docker Compose does not answer: the Compose files were not read"
    if "docker" in os.environ.get("SHOP_REQUIRE", "").split(","):
        pytest.fail(message)
    pytest.skip(message)


@cache
def _read(files: tuple[str, ...], environment: frozenset[tuple[str, str]]) -> dict[str, Any]:
    done = compose(files, "config", "--format", "json", environment=dict(environment))
    assert done.returncode == 0, done.stderr
    model: dict[str, Any] = json.loads(done.stdout)
    return model


def read(files: tuple[str, ...], **environment: str) -> dict[str, Any]:
    return _read(files, frozenset({**PASSWORD, **environment}.items()))


both_ways = pytest.mark.parametrize("files", [PRODUCTION, DEVELOPMENT], ids=["production", "dev"])


@both_ways
def test_has_the_services_and_network_of_the_design(files: tuple[str, ...]) -> None:
    model = read(files)

    assert set(model["services"]) == set(SERVICES)
    assert set(model["networks"]) == {"backend-net"}
    assert all(set(one["networks"]) == {"backend-net"} for one in model["services"].values())


@both_ways
def test_publishes_the_ports_of_the_design_and_redis_to_this_machine_only(
    files: tuple[str, ...],
) -> None:
    published = {
        (name, port.get("host_ip", ""), port["published"], port["target"])
        for name, service in read(files)["services"].items()
        for port in service.get("ports", [])
    }

    assert published == {
        ("redis", "127.0.0.1", "6379", 6379),
        ("backend", "", "8000", 8000),
        ("flower", "", "5555", 5555),
    }


@both_ways
def test_mounts_the_folders_of_the_design(files: tuple[str, ...]) -> None:
    services = read(files)["services"]
    mounted = {
        (name, volume["source"], volume["target"])
        for name, service in services.items()
        for volume in service["volumes"]
    }

    expected = {("redis", str(REPOSITORY / "docker_volumes/redis"), "/data")}
    expected |= {(name, str(REPOSITORY / "logs"), "/app/logs") for name in PYTHON_SERVICES}
    expected |= {("celery_beat", "beat-schedule", "/app/schedule")}
    if files is DEVELOPMENT:
        expected |= {(name, str(REPOSITORY / "shop"), "/app/shop") for name in PYTHON_SERVICES}
    assert mounted == expected


@both_ways
def test_beats_schedule_outlives_its_container(files: tuple[str, ...]) -> None:
    model = read(files)
    beat = model["services"]["celery_beat"]
    schedule = Path(beat["command"][beat["command"].index("--schedule") + 1])

    (kept,) = (one for one in beat["volumes"] if one["target"] == str(schedule.parent))
    assert kept["type"] == "volume"
    assert kept["source"] in model["volumes"]
    # An engine gives a new volume the owner that its folder has in the image.
    (made,) = re.findall(
        r"install -d -o shop -g shop (.*)", (REPOSITORY / "Dockerfile").read_text()
    )
    assert str(schedule.parent) in made.split()


@both_ways
@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_kept_within_bounds(files: tuple[str, ...], name: str) -> None:
    service = read(files)["services"][name]

    assert service["restart"] == "unless-stopped"
    assert int(service["mem_limit"]) > 0
    assert service["logging"]["driver"] == "json-file"
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert service["init"] is True


@both_ways
@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_a_health_check_that_costs_little(
    files: tuple[str, ...], name: str
) -> None:
    check = read(files)["services"][name]["healthcheck"]

    assert check["interval"] == "10s"
    # Compose refuses this one on engines before 25.0.
    assert "start_interval" not in check
    # Nothing that starts a Python.
    assert not re.search(r"\b(python|celery|curl|shop)\b", " ".join(check["test"]))


@both_ways
@pytest.mark.parametrize("name", PYTHON_SERVICES)
def test_the_shop_runs_without_privileges(files: tuple[str, ...], name: str) -> None:
    service = read(files)["services"][name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service  # the image's own, which is not root
    assert service["image"] == "shoptaskmanager:latest"


@both_ways
@pytest.mark.parametrize("name", SERVICES)
def test_no_service_can_write_outside_its_folders(files: tuple[str, ...], name: str) -> None:
    service = read(files)["services"][name]

    assert service["read_only"] is True
    assert "/tmp" in service["tmpfs"]
    assert service["cap_drop"] == ["ALL"]
    # Its entrypoint starts as root, to take over its folder; the server has none of these.
    entrypoint = ["CHOWN", "SETGID", "SETUID"] if name == "redis" else []
    assert service.get("cap_add", []) == entrypoint
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_each_kind_of_worker_can_be_scaled_on_its_own() -> None:
    services = read(SCALED)["services"]

    assert set(services) - set(SERVICES) == {"worker_default", "worker_priority"}
    assert "workers" not in services
    together = read(PRODUCTION)["services"]["workers"]
    for queue in ("default", "priority"):
        service = services[f"worker_{queue}"]
        assert service["command"] == ["shop", "workers", "--queue", queue]
        assert service["healthcheck"]["test"][-1] == f"worker-{queue}"
        own = {"command", "healthcheck"}
        assert {k: v for k, v in service.items() if k not in own} == {
            k: v for k, v in together.items() if k not in own
        }


def test_secrets_in_files_stand_in_no_environment() -> None:
    given = {"API_KEY": "key-of-mine", "REDIS_PASSWORD": "hunter2"}
    secrets = {"FLOWER_PASSWORD", *given}
    model = read(FROM_FILES, **given)

    for name, service in model["services"].items():
        environment = service["environment"]
        of_files = {secret for secret in secrets if f"{secret}_FILE" in environment}
        assert of_files == ({"REDIS_PASSWORD"} if name == "redis" else secrets)
        assert not any(environment[secret] for secret in of_files)
        assert {mount["target"] for mount in service["secrets"]} == {
            environment[f"{secret}_FILE"] for secret in of_files
        }
        assert not {*PASSWORD.values(), *given.values()} & set(map(str, environment.values()))


def test_rabbitmq_is_one_more_service_and_nothing_else_changes() -> None:
    services = read(ON_RABBITMQ, **BROKER)["services"]
    rabbitmq = services.pop("rabbitmq")
    before = read(PRODUCTION, **BROKER)["services"]

    assert services["redis"] == before["redis"]
    assert set(services) == set(before)
    for name in PYTHON_SERVICES:
        assert set(services[name].pop("depends_on")) == {"redis", "rabbitmq"}
        assert set(before[name].pop("depends_on")) == {"redis"}
        assert services[name] == before[name]
    assert rabbitmq["restart"] == "unless-stopped"
    assert rabbitmq["user"] == "rabbitmq"
    assert rabbitmq["read_only"] is True
    assert rabbitmq["cap_drop"] == ["ALL"]
    assert rabbitmq["security_opt"] == ["no-new-privileges:true"]
    assert int(rabbitmq["mem_limit"]) > 0
    assert rabbitmq["logging"] == before["redis"]["logging"]
    assert [(port["host_ip"], port["target"]) for port in rabbitmq["ports"]] == [
        ("127.0.0.1", 5672)
    ]
    kept = {volume.get("source"): volume["target"] for volume in rabbitmq["volumes"]}
    assert kept["rabbitmq-data"] == "/var/lib/rabbitmq"
    assert rabbitmq["healthcheck"]["interval"] == "10s"
    # Each of its own commands starts an Erlang.
    assert "rabbitmq" not in " ".join(rabbitmq["healthcheck"]["test"])


@pytest.mark.parametrize("missing", BROKER)
def test_rabbitmq_is_refused_without_its_password_or_its_address(missing: str) -> None:
    given = {name: value for name, value in BROKER.items() if name != missing}
    done = compose(ON_RABBITMQ, "config", environment={**PASSWORD, **given})

    assert done.returncode != 0
    assert missing in done.stderr


@pytest.mark.parametrize(
    "files",
    [(*ON_RABBITMQ, SCALED[-1]), (*SCALED, ON_RABBITMQ[-1])],
    ids=["scale-last", "rabbitmq-last"],
)
def test_workers_that_are_scaled_go_to_the_same_broker_as_the_rest(files: tuple[str, ...]) -> None:
    services = read(files, **BROKER)["services"]

    assert {"worker_default", "worker_priority", "rabbitmq"} <= set(services)
    assert "workers" not in services
    assert {
        name: one["environment"]["CELERY_BROKER_DSN"]
        for name, one in services.items()
        if name not in ("redis", "rabbitmq")
    } == dict.fromkeys(set(services) - {"redis", "rabbitmq"}, BROKER["CELERY_BROKER_DSN"])


@both_ways
def test_redis_keeps_what_it_acknowledged(files: tuple[str, ...]) -> None:
    service = read(files)["services"]["redis"]
    command = " ".join(service["command"])

    assert service["image"] == "redis:8.0"
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    maxmemory = re.search(r"--maxmemory (\d+)mb", command)
    assert maxmemory is not None
    # Rewriting the append-only file may copy as much again.
    assert 2 * int(maxmemory[1]) * 1024**2 <= int(service["mem_limit"])


@both_ways
def test_the_redis_password_stays_off_command_lines(files: tuple[str, ...]) -> None:
    redis = read(files, REDIS_PASSWORD="hunter2")["services"]["redis"]

    assert redis["environment"] == {"REDIS_PASSWORD": "hunter2"}
    assert "hunter2" not in " ".join(redis["command"] + redis["healthcheck"]["test"])


@pytest.mark.parametrize("files", [PRODUCTION, DEVELOPMENT, LAYERED], ids="+".join)
@pytest.mark.parametrize("environment", [{}, {"FLOWER_PASSWORD": ""}], ids=["unset", "empty"])
def test_is_refused_without_a_flower_password(
    files: tuple[str, ...], environment: dict[str, str]
) -> None:
    done = compose(files, "config", environment=environment)

    assert done.returncode != 0
    assert "FLOWER_PASSWORD" in done.stderr


def test_development_may_be_layered_on_production() -> None:
    assert read(LAYERED)["services"] == read(DEVELOPMENT)["services"]


def test_development_reloads_the_api_and_the_workers() -> None:
    services = read(DEVELOPMENT)["services"]

    assert "--reload" in services["backend"]["command"]
    assert services["workers"]["command"][0] == "watchfiles"
    assert all(services[name]["environment"]["PYTHONPATH"] == "/app" for name in PYTHON_SERVICES)


def test_ports_and_image_can_be_changed() -> None:
    services = read(
        PRODUCTION,
        API_PUBLISHED_PORT="1",
        FLOWER_PUBLISHED_PORT="2",
        REDIS_PUBLISHED_PORT="3",
        SHOP_IMAGE="another:1",
    )["services"]

    assert [services[name]["ports"][0]["published"] for name in ("backend", "flower", "redis")] == [
        "1", "2", "3",
    ]  # fmt: skip
    assert services["redis"]["ports"][0]["host_ip"] == "127.0.0.1"
    assert {services[name]["image"] for name in PYTHON_SERVICES} == {"another:1"}


@both_ways
@pytest.mark.parametrize("name", PYTHON_SERVICES)
def test_every_setting_reaches_the_containers(files: tuple[str, ...], name: str) -> None:
    settings = {field.upper() for field in Settings.model_fields}

    environment = read(files)["services"][name]["environment"]

    # Only the API counts in a folder: Flower's own metrics would land there too.
    assert ("PROMETHEUS_MULTIPROC_DIR" in environment) == (name == "backend")
    assert settings == set(environment) - {"PYTHONPATH", "WATCHFILES_FORCE_POLLING"} | {
        "PROMETHEUS_MULTIPROC_DIR"
    }
    assert environment["REDIS_HOST"] == "redis"
    # What nobody set stays unset, so that its default stands in one place.
    assert {key for key, value in environment.items() if value is not None} <= {
        "REDIS_HOST", "REDIS_PORT", "FLOWER_PASSWORD", "LOG_DIR", "LOG_FORMAT", "SHOP_RUN_DIR",
            "PROMETHEUS_MULTIPROC_DIR",
        "PYTHONPATH",
    }  # fmt: skip


def test_a_setting_keeps_its_value_on_the_way() -> None:
    environment = read(PRODUCTION, TIMEZONE="Asia/Tokyo", REDIS_PORT="6380")["services"]["workers"][
        "environment"
    ]

    assert environment["TIMEZONE"] == "Asia/Tokyo"
    # The port inside, whatever it is outside.
    assert environment["REDIS_PORT"] == "6379"
