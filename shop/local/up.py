"""`shop up` and `shop workers`: which services, and what is shown of them."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from honcho.printer import Printer
from rich.table import Table

from shop.adapters import terminal
from shop.adapters.pdf.printable import unprintable
from shop.domain.errors import StoreUnavailable
from shop.domain.work import Queue
from shop.foreign_environment import is_foreign
from shop.local import services, valkey
from shop.local.service import Service
from shop.local.site import CannotStart, DataDir, Port, require_free
from shop.local.supervisor import Supervisor
from shop.settings import Settings

#: A container's orchestrator waits longer than that before it kills.
STOP_CONTAINER_WORKERS_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class Stack:
    """Where a local stack listens and what it keeps; its Redis is in the settings."""

    data_dir: DataDir
    host: str = "127.0.0.1"
    api_port: int = 8000
    #: None: without Flower.
    flower_port: int | None = 5555

    def ports(self, redis_port: int) -> list[Port]:
        """All the ports that have to be free."""
        ports = [
            Port("API", self.host, self.api_port, "--api-port"),
            Port("Redis", "127.0.0.1", redis_port, "--redis-port"),
        ]
        if self.flower_port is not None:
            ports.append(Port("Flower", self.host, self.flower_port, "--flower-port"))
        return ports


def up(stack: Stack, settings: Settings) -> str | None:
    """Run the stack until it is told to stop; returns one line if something went wrong.

    `settings` name the embedded Redis already. Raises `CannotStart` if nothing was started.
    """
    if problems := unprintable(settings):
        raise CannotStart(*problems)
    # Before the folder: who starts the same stack twice is told of the ports.
    require_free(stack.ports(settings.redis_port))
    with stack.data_dir.claimed() as lock:
        flower_password = _flower_password(stack, settings)

        def show_table() -> None:
            try:
                _seed(settings)
            except StoreUnavailable as error:
                # A full Redis is no reason to end: what is accepted is finished once it heals.
                supervisor.say(f"the demo stock is left out, `shop seed` puts it in: {error}")
            terminal.console().print(_table(stack, settings, flower_password))

        supervisor = Supervisor(
            stack_services(stack, settings, flower_password),
            Printer(sys.stdout, time_format=""),
            on_ready=show_table,
            held_fd=lock,
        )
        supervisor.say("starting; Ctrl-C stops")
        # What pip goes by is on many machines, and of no interest here.
        left_out = [
            name for name in sorted(os.environ) if is_foreign(name) and not name.startswith("PIP_")
        ]
        if left_out:
            supervisor.say(f"passed over, for they are other programs': {', '.join(left_out)}")
        supervisor.loop()
        return supervisor.failure


def run_workers(settings: Settings, queue: Queue | None = None) -> str | None:
    """Run both workers, or that of `queue`; returns one line if something went wrong.

    Raises `CannotStart` if nothing was started.
    """
    if problems := unprintable(settings):
        raise CannotStart(*problems)
    workers = services.worker_services(
        settings, env={}, stop_within_s=STOP_CONTAINER_WORKERS_WITHIN_S
    )
    supervisor = Supervisor(
        [one for one in workers if queue is None or one.name == services.worker_name(queue)],
        # Each line of JSON names its service itself, and has to stay JSON.
        Printer(sys.stdout, time_format="", prefix=settings.log_format != "json"),
    )
    supervisor.loop()
    return supervisor.failure


def stack_services(stack: Stack, settings: Settings, flower_password: str) -> list[Service]:
    """The services of `stack`, whose data folder is claimed."""
    data_dir, run_dir = stack.data_dir, stack.data_dir.run
    password = settings.redis_password.get_secret_value() if settings.redis_password else None
    try:
        binary = valkey.binary()
    except valkey.ValkeyMissing as error:
        raise CannotStart(str(error)) from None
    config = valkey.write_config(data_dir.valkey, port=settings.redis_port, password=password)
    env: Mapping[str, str] = {
        "REDIS_HOST": settings.redis_host,
        "REDIS_PORT": str(settings.redis_port),
        "CELERY_BROKER_DSN": settings.broker_dsn if settings.uses_rabbitmq else "",
        "CELERY_BACKEND_DSN": "",
        "SHOP_RUN_DIR": str(run_dir),
        # Its reason is pickle, which is off.
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
    }
    after = (services.REDIS,)
    workers = services.worker_services(settings, env=env, run_dir=run_dir, after=after)
    all_services = [
        services.redis_service(binary, config, port=settings.redis_port, password=password),
        *workers,
        services.api_service(stack.host, stack.api_port, env=env, after=after, ready_after=workers),
        services.beat_service(data_dir.beat_schedule, env=env, run_dir=run_dir, after=after),
    ]
    if stack.flower_port is not None:
        all_services.append(
            services.flower_service(
                stack.host,
                stack.flower_port,
                env={**env, "FLOWER_PASSWORD": flower_password},
                after=after,
            )
        )
    return all_services


def _flower_password(stack: Stack, settings: Settings) -> str:
    if settings.flower_password is not None:
        return settings.flower_password.get_secret_value()
    return stack.data_dir.flower_password()


def _seed(settings: Settings) -> None:
    # Here, so that the services start while this is being imported.
    from shop.local.stock import DEMO_STOCK, stock_room

    stock_room(settings).put_missing(DEMO_STOCK)


def _table(stack: Stack, settings: Settings, flower_password: str) -> Table:
    api = services.url(stack.host, stack.api_port)
    rows = [
        ("API", api, "X-API-Key: your API_KEY" if settings.api_key else "none"),
        ("API documentation", f"{api}/docs", "none"),
        (
            "Redis",
            f"redis://{settings.redis_host}:{settings.redis_port}/{settings.redis_db}",
            "your REDIS_PASSWORD" if settings.redis_password else "none",
        ),
        ("default worker", "queue default", ""),
        ("priority worker", "queue priority", ""),
        ("Beat", "", ""),
    ]
    if stack.flower_port is not None:
        shown = "your FLOWER_PASSWORD" if settings.flower_password else flower_password
        flower = (
            "Flower",
            services.url(stack.host, stack.flower_port),
            f"{settings.flower_user} / {shown}",
        )
        rows.insert(2, flower)
    return terminal.table(
        ("Service", "Address", "Credentials"), rows, title="ShopTaskManager is up; Ctrl-C stops it."
    )
