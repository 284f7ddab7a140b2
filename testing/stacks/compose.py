"""The services of the Compose files, as Compose itself reads them."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testing.stack import StackFailed

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = "docker-compose.yml"
#: What is layered on it for RabbitMQ as the broker.
RABBITMQ_FILE = "docker-compose.rabbitmq.yml"
NS_PER_S = 1_000_000_000
#: Read by the Docker command, and no setting of the shop.
_KEPT = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG")
_UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One service, as the engine's API takes it."""

    name: str
    image: str
    command: list[str]
    environment: dict[str, str]
    #: What it listens on, inside its container, if it is reached from outside.
    port: int | None
    stop_grace_s: float
    #: Folders that outlive a restart; their content is the container's own here.
    volumes: list[str]
    #: Folders in memory, each with its options.
    tmpfs: dict[str, str]
    #: Arguments for creating the container, as docker-py names them.
    options: dict[str, Any]


def read_services(
    image: str, environment: Mapping[str, str], *layers: str
) -> dict[str, ContainerSpec]:
    """Every service by name, with `image` as the shop's and the settings of `environment`.

    `layers` are files on top of `docker-compose.yml`.

    What belongs to one machine (published ports, mounted folders, `.env`) is left out.
    """
    files = [str(ROOT / name) for name in (COMPOSE_FILE, *layers)]
    done = subprocess.run(
        [
            *("docker", "compose", "--env-file", os.devnull),
            *(part for file in files for part in ("-f", file)),
            *("config", "--format", "json"),
        ],
        check=False,
        capture_output=True,
        text=True,
        env={
            **{name: os.environ[name] for name in _KEPT if name in os.environ},
            **environment,
            "SHOP_IMAGE": image,
        },
    )
    if done.returncode != 0:
        raise StackFailed(f"Compose cannot read {', '.join(files)}: {done.stderr.strip()}")
    services = _unescaped(json.loads(done.stdout))["services"]
    return {name: _spec(name, service) for name, service in services.items()}


def _spec(name: str, service: Mapping[str, Any]) -> ContainerSpec:
    given = {key: value for key, value in service["environment"].items() if value is not None}
    return ContainerSpec(
        name=name,
        image=service["image"],
        command=service["command"] or [],
        environment=given,
        port=next((int(port["target"]) for port in service.get("ports", ())), None),
        stop_grace_s=_seconds(service["stop_grace_period"]),
        volumes=[volume["target"] for volume in service["volumes"] if not volume.get("read_only")],
        tmpfs=_tmpfs(service.get("tmpfs", [])),
        options={
            "hostname": service.get("hostname"),
            "user": service.get("user"),
            "init": service.get("init", False),
            "mem_limit": int(service["mem_limit"]),
            "cap_drop": service.get("cap_drop", []),
            "cap_add": service.get("cap_add", []),
            "read_only": service.get("read_only", False),
            "security_opt": service.get("security_opt", []),
            "restart_policy": {"Name": service["restart"]},
            "healthcheck": _healthcheck(service["healthcheck"]),
        },
    )


def _tmpfs(mounts: list[str]) -> dict[str, str]:
    """`/run:mode=700` is the folder and its options."""
    return {path: options for path, _, options in (mount.partition(":") for mount in mounts)}


def _healthcheck(check: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "test": check["test"],
        "retries": check["retries"],
        **{
            name: round(_seconds(check[name]) * NS_PER_S)
            for name in ("interval", "timeout", "start_period")
        },
    }


def _seconds(duration: str) -> float:
    """`1m30s` is 90."""
    return sum(
        float(number) * _UNITS_S[unit]
        for number, unit in re.findall(r"([\d.]+)(ms|[hms])", duration)
    )


def _unescaped(model: Any) -> Any:
    """Compose prints each `$` as `$$`, for what it prints can be read by it again."""
    match model:
        case str():
            return model.replace("$$", "$")
        case list():
            return [_unescaped(item) for item in model]
        case dict():
            return {key: _unescaped(value) for key, value in model.items()}
        case _:
            return model
