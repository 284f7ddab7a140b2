"""The shop as processes of this machine: nothing needed but Python."""

import os
import tempfile
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import shop
from shop.local import services, valkey
from shop.local.service import Service
from shop.settings import Settings
from testing.brokers import (
    RABBITMQ_BROKER,
    Broker,
    RabbitMqBroker,
    chosen_broker,
    rabbitmq_url,
)
from testing.environment import without_settings
from testing.stack import RABBITMQ, REDIS, START_WITHIN_S, Stack
from testing.stacks.base import FLOWER_AUTH, BaseStack
from testing.stacks.ports import HOST, stable_port
from testing.stacks.processes import Guard, ProcessHandle
from testing.stacks.rabbitmq import STARTS_WITHIN_S, running_rabbitmq
from testing.waiting import wait_for

REDIS_STARTS_WITHIN_S = 10.0


class LocalStack(BaseStack):
    """Every service a process of its own, with the definitions that `shop up` uses."""

    name = "local"

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        without: Collection[str] = (),
        redis_options: Mapping[str, str] | None = None,
        alter: Callable[[Service], Service] = lambda service: service,
        parent_dir: Path | None = None,
        broker: str | None = None,
        copies: Mapping[str, int] | None = None,
    ) -> None:
        """`environment` is settings by name, `without` names services that are not started.

        `redis_options` are added to the server's configuration and win over it. `alter` may start
        a service in another way, such as through another command. Data and logs stand in a folder
        of their own below `parent_dir` while the stack runs. `broker` is `redis` or `rabbitmq`;
        without it the environment variable `SHOP_BROKER` chooses. `copies` says how many of a
        worker there are, as `docker compose up --scale` does; the second is `worker-default-2`.
        """
        super().__init__(environment)
        self._without = frozenset(without)
        self._redis_options = dict(redis_options or {})
        self._alter = alter
        self._parent_dir = parent_dir
        self._copies = dict(copies or {})
        self._redis_port = stable_port()
        self._api_port = stable_port()
        self._flower_port = stable_port()
        self._rabbitmq_port: int | None = None
        if (broker or chosen_broker()) == RABBITMQ_BROKER:
            self._rabbitmq_port = stable_port()
        self._routes: dict[str, str] = {}
        self._routes_of: dict[str, dict[str, str]] = {}
        self._to_undo = ExitStack()

    def route(self, setting: str, value: str, *, service: str | None = None) -> None:
        """Let a service, or all of them, go another way than the stack's own clients do.

        `setting` is one that says where Redis is; call it before the stack is started.
        """
        routes = self._routes if service is None else self._routes_of.setdefault(service, {})
        routes[setting] = value

    def restart_with(
        self, service: str, settings: Mapping[str, str], *, within_s: float = START_WITHIN_S
    ) -> None:
        """Start a service again with other settings; returns when it is ready.

        Raises `TimedOut` with its log.
        """
        handle = self.service(service)
        assert isinstance(handle, ProcessHandle)
        for name, value in settings.items():
            handle.set_variable(name, value)
        handle.restart()
        wait_for(
            f"{service} is ready",
            lambda: handle.is_ready,
            within_s=within_s,
            explain=handle.logs,
        )

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self._api_port}"

    @property
    def flower_url(self) -> str:
        return f"http://{HOST}:{self._flower_port}"

    def redis_url(self, db: int) -> str:
        return f"redis://{HOST}:{self._redis_port}/{db}"

    @property
    def rabbitmq_port(self) -> int | None:
        """None for a stack whose broker is Redis."""
        return self._rabbitmq_port

    def start(self) -> None:
        folder = Path(
            self._to_undo.enter_context(
                tempfile.TemporaryDirectory(prefix="shop-stack-", dir=self._parent_dir)
            )
        )
        run_dir = folder / "run"
        run_dir.mkdir()
        guard = self._to_undo.enter_context(Guard())
        for service in self._definitions(folder, run_dir):
            if service.name in self._without:
                continue
            handle = ProcessHandle(
                service,
                folder=folder,
                # What is killed cannot remove its temporary files: they go with the folder.
                environment={**_environment(os.environ), "TMPDIR": str(folder)},
                guard=guard,
                alive_file=run_dir / f"{service.name}.alive",
            )
            self._handles[service.name] = handle
            handle.start()
            if service.name == REDIS:
                wait_for(
                    "Redis answers",
                    lambda redis=handle: redis.is_ready,  # type: ignore[misc]
                    within_s=REDIS_STARTS_WITHIN_S,
                    explain=handle.logs,
                )
                if self._rabbitmq_port is not None:
                    self._start_rabbitmq(self._rabbitmq_port)

    def _start_rabbitmq(self, port: int) -> None:
        rabbitmq = self._to_undo.enter_context(running_rabbitmq(port))
        self._handles[RABBITMQ] = rabbitmq
        broker = RabbitMqBroker(rabbitmq_url(port))
        wait_for("RabbitMQ answers", broker.is_up, within_s=STARTS_WITHIN_S, explain=rabbitmq.logs)
        broker.close()

    def _look_into_broker(self) -> Broker:
        if self._rabbitmq_port is None:
            return super()._look_into_broker()
        return RabbitMqBroker(rabbitmq_url(self._rabbitmq_port))

    def _end(self) -> None:
        with self._to_undo:
            for name, handle in self._handles.items():
                # Its end is its own, whether it is a container or a process.
                if name != RABBITMQ:
                    handle.kill()
        self._to_undo = ExitStack()

    def _broker_setting(self) -> dict[str, str]:
        if self._rabbitmq_port is None:
            return {}
        return {"CELERY_BROKER_DSN": rabbitmq_url(self._rabbitmq_port)}

    def _definitions(self, folder: Path, run_dir: Path) -> list[Service]:
        data = folder / "valkey"
        data.mkdir()
        config = valkey.write_config(data, port=self._redis_port, password=None)
        with config.open("a") as file:
            file.writelines(f"{name} {value}\n" for name, value in self._redis_options.items())
        user, password = FLOWER_AUTH
        env = {
            "REDIS_HOST": HOST,
            "REDIS_PORT": str(self._redis_port),
            "FLOWER_USER": user,
            "FLOWER_PASSWORD": password,
            "LOG_FORMAT": "json",
            "SHOP_RUN_DIR": str(run_dir),
            **self._broker_setting(),
            **self._routes,
            **self.environment,
        }
        definitions = [
            services.redis_service(valkey.binary(), config, port=self._redis_port, password=None),
            services.api_service(HOST, self._api_port, env=env),
            *services.worker_services(_settings(env), env=env, run_dir=run_dir),
            services.beat_service(folder / "celerybeat-schedule", env=env, run_dir=run_dir),
            services.flower_service(HOST, self._flower_port, env=env),
        ]
        routed = [
            self._alter(
                replace(service, env={**service.env, **self._routes_of.get(service.name, {})})
            )
            for service in definitions
        ]
        return [
            _copy(service, number) if number > 1 else service
            for service in routed
            for number in range(1, 1 + self._copies.get(service.name, 1))
        ]


def _copy(worker: Service, number: int) -> Service:
    """Another worker beside the first; two of one name would be taken for one."""
    return replace(
        worker,
        name=f"{worker.name}-{number}",
        argv=tuple(word.replace("@%h", f"-{number}@%h") for word in worker.argv),
    )


def _settings(environment: Mapping[str, str]) -> Settings:
    """What the services will read, whatever stands in the environment of this process."""
    given = {name.lower(): value for name, value in environment.items()}
    defaults = {name: field.get_default() for name, field in Settings.model_fields.items()}
    return Settings(**{**defaults, **given})


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    """What the services inherit: no settings, and the very code that the tests import."""
    root = str(Path(shop.__file__).parents[1])
    path = os.pathsep.join(filter(None, (root, own.get("PYTHONPATH"))))
    return {**without_settings(own), "PYTHONPATH": path}


if TYPE_CHECKING:
    _is_a_stack: type[Stack] = LocalStack
