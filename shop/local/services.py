"""The shop's services as data: the same for `shop up`, `shop workers` and the test harness."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from shop.domain.work import EXIT_STALLED, Queue
from shop.local import ready
from shop.local.service import Service, always
from shop.settings import Settings

#: What is stopped first has the lowest stage: nothing new comes in, then the workers hand back
#: what they hold while Redis is still there to take it. Flower only watches.
STAGE_INTAKE, STAGE_WORKERS, STAGE_REDIS = range(3)

#: All stages together stay under 10 s.
STOP_INTAKE_WITHIN_S = 2.5
STOP_WORKER_WITHIN_S = 4.0
STOP_FLOWER_WITHIN_S = 4.0
STOP_REDIS_WITHIN_S = 1.5
#: What requests under way may take when the API is stopped, in whole seconds.
API_GRACE_S = 1

REDIS, API, BEAT, FLOWER = "redis", "api", "beat", "flower"

#: Lines come when they are written; Python would hold them back on a pipe.
_UNBUFFERED = {"PYTHONUNBUFFERED": "1"}


def worker_name(queue: Queue) -> str:
    """What the worker of `queue` is called in logs and in the run folder."""
    return f"worker-{queue.value}"


def redis_service(binary: Path, config: Path, *, port: int, password: str | None) -> Service:
    """The embedded Valkey; `config` is written by `valkey.write_config`.

    What ends it before it is ready, a port that was just taken or data that it cannot read, ends
    the next one too, and nothing else starts without it.
    """
    return Service(
        name=REDIS,
        argv=(str(binary), str(config)),
        is_ready=ready.redis_answers("127.0.0.1", port, password),
        retries_start=False,
        stop_stage=STAGE_REDIS,
        stop_within_s=STOP_REDIS_WITHIN_S,
    )


def api_service(
    host: str,
    port: int,
    *,
    env: Mapping[str, str],
    after: tuple[str, ...] = (),
    ready_after: Iterable[Service] = (),
) -> Service:
    """The API; ready when both queues have a live worker too.

    It is not asked before `ready_after` are ready: each time it says no, it writes a line.
    """
    return Service(
        name=API,
        argv=(
            *(sys.executable, "-m", "uvicorn", "shop.asgi:app"),
            *("--http", "shop.api.protocol:ShopProtocol"),
            *("--loop", "shop.api.loop:ShopLoop"),
            *("--host", host, "--port", str(port)),
            *("--timeout-graceful-shutdown", str(API_GRACE_S)),
        ),
        env={**_UNBUFFERED, **env},
        is_ready=ready.all_of(
            *(service.is_ready for service in ready_after),
            ready.http_ok(reachable(host), port, "/health/ready"),
        ),
        after=after,
        stop_stage=STAGE_INTAKE,
        stop_within_s=STOP_INTAKE_WITHIN_S,
    )


def worker_services(
    settings: Settings,
    *,
    env: Mapping[str, str],
    run_dir: Path | None = None,
    after: tuple[str, ...] = (),
    stop_within_s: float = STOP_WORKER_WITHIN_S,
) -> list[Service]:
    """One worker for each queue; ready when it has touched its file in `run_dir`."""
    pools = {
        # "auto" is a process for each core that this process may use.
        Queue.DEFAULT: (
            *("--pool", "prefork", "-c", str(settings.default_concurrency or "auto")),
            *("--prefetch-multiplier", str(settings.default_prefetch)),
        ),
        Queue.PRIORITY: ("--pool", "threads", "-c", str(settings.priority_concurrency)),
    }
    return [
        Service(
            name=worker_name(queue),
            argv=(
                *_celery("worker", "-Q", queue.value, "-n", f"{queue.value}@%h", *pool),
                # The two workers have nothing to tell each other, and looking for neighbours
                # takes a second at start.
                *("--without-mingle", "--without-gossip"),
            ),
            env={
                **_UNBUFFERED,
                # Until `shop.tasks.stopping` takes over: a warm shutdown may hang, this one is
                # bounded.
                "REMAP_SIGTERM": "SIGQUIT",
                # macOS ends forked processes that touch its own libraries, which getting a
                # proxy or a host name does.
                "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",
                **env,
            },
            is_ready=ready.exists(run_dir / f"{worker_name(queue)}.alive") if run_dir else always,
            after=after,
            restart_on=EXIT_STALLED,
            stop_stage=STAGE_WORKERS,
            stop_within_s=stop_within_s,
        )
        for queue, pool in pools.items()
    ]


def beat_service(
    schedule: Path,
    *,
    env: Mapping[str, str],
    run_dir: Path | None = None,
    after: tuple[str, ...] = (),
) -> Service:
    """Celery Beat, with its memory in the file `schedule`."""
    return Service(
        name=BEAT,
        argv=_celery("beat", "--schedule", str(schedule)),
        env={**_UNBUFFERED, **env},
        is_ready=ready.exists(run_dir / "beat.alive") if run_dir else always,
        after=after,
        stop_stage=STAGE_INTAKE,
        stop_within_s=STOP_INTAKE_WITHIN_S,
    )


def flower_service(
    host: str, port: int, *, env: Mapping[str, str], after: tuple[str, ...] = ()
) -> Service:
    """Flower; its user and password are settings, and so in `env`."""
    return Service(
        name=FLOWER,
        argv=_celery("flower"),
        env={**_UNBUFFERED, **env, "FLOWER_ADDRESS": host, "FLOWER_PORT": str(port)},
        is_ready=ready.http_ok(reachable(host), port, "/healthcheck"),
        after=after,
        stop_stage=STAGE_WORKERS,
        stop_within_s=STOP_FLOWER_WITHIN_S,
    )


def reachable(host: str) -> str:
    """Where a server that listens on `host` is reached from this machine."""
    return "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104  (compared, never bound)


def url(host: str, port: int) -> str:
    """What a browser is given for a server that listens on `host`, which may be an IPv6 address."""
    name = reachable(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _celery(*command: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "--quiet", "-A", "shop.worker", *command)
