"""entrypoint.sh starting the services and showing logs, with a `docker` that only takes notes."""

import os
import pty
import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.unit.checkout import REPOSITORY, SERVICES, Checkout

PASSWORD = {"FLOWER_PASSWORD": "correct horse"}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_make_is_short_for_it() -> None:
    recipes = re.findall(
        r"^\t@(./entrypoint.sh .*)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE
    )

    assert recipes == [
        "./entrypoint.sh --up",
        "./entrypoint.sh --dev --up",
        "./entrypoint.sh --down",
        "./entrypoint.sh --logs",
    ]


def test_waits_for_health_with_a_bound(checkout: Checkout) -> None:
    checkout.run("--up", environment=PASSWORD)

    (up,) = (call for call in checkout.compose_calls() if call.arguments[0] == "up")
    assert {"--detach", "--wait", "--wait-timeout"} <= set(up.arguments)
    assert int(up.arguments[up.arguments.index("--wait-timeout") + 1]) <= 300


@pytest.mark.parametrize(
    ("dotenv", "user"), [("", "admin"), ("FLOWER_USER=ann\n", "ann"), ("FLOWER_USER=\n", "admin")]
)
def test_prints_the_addresses(checkout: Checkout, dotenv: str, user: str) -> None:
    checkout.dotenv.write_text(dotenv)

    done = checkout.run("--up", environment=PASSWORD)

    lines = {line.split()[0]: line for line in done.out.splitlines() if line.startswith("  ")}
    assert lines["API"].endswith("http://localhost:18000")
    assert lines["Docs"].endswith("http://localhost:18000/docs")
    assert "http://localhost:15555" in lines["Flower"]
    assert f"user {user}," in lines["Flower"]
    assert lines["Redis"].endswith("127.0.0.1:16379")
    assert PASSWORD["FLOWER_PASSWORD"] not in done.out + done.err


@pytest.mark.parametrize(
    ("options", "chosen", "missing"),
    [
        (["--up"], {}, ["API_KEY", "REDIS_PASSWORD"]),
        (["--up"], {"API_KEY": "key"}, ["REDIS_PASSWORD"]),
        (["--up"], {"REDIS_PASSWORD": "pass", "API_KEY": "key"}, []),
        (["--dev", "--up"], {}, []),
    ],
)
def test_says_what_production_leaves_open(
    checkout: Checkout, options: list[str], chosen: dict[str, str], missing: list[str]
) -> None:
    done = checkout.run(*options, environment={**PASSWORD, **chosen})

    assert done.exit_code == 0
    told = [line.split()[1] for line in done.err.splitlines() if "is not set" in line]
    assert told == missing


def test_names_who_is_not_healthy_with_its_last_lines(checkout: Checkout) -> None:
    done = checkout.run(
        "--up",
        "--logs",
        environment={
            **PASSWORD,
            "FAKE_UP_EXIT": "1",
            "FAKE_STATE_id_workers": "running, unhealthy",
            "FAKE_STATE_id_flower": "running, starting",
            "FAKE_STATE_id_backend": "restarting, starting, restarted 3 times",
        },
    )

    assert done.exit_code == 1
    assert "workers is not healthy (running, unhealthy)" in done.err
    assert "backend is not healthy (restarting, starting, restarted 3 times)" in done.err
    assert "a line of id-workers" in done.err
    assert "a line of id-backend" in done.err
    # Flower was merely cut short.
    assert not any(f"{name} is not" in done.err for name in ("redis", "celery_beat", "flower"))
    assert "is up" not in done.out
    assert checkout.steps() == ["build", "up"]


def test_names_who_is_still_starting_when_nobody_else_is_to_blame(checkout: Checkout) -> None:
    slow = {f"FAKE_STATE_id_{name}": "running, starting" for name in ("redis", "celery_beat")}

    done = checkout.run("--up", environment={**PASSWORD, "FAKE_UP_EXIT": "1", **slow})

    blamed = [name for name in SERVICES if f"{name} is not healthy" in done.err]
    assert done.exit_code == 1
    assert blamed == ["redis", "celery_beat"]
    assert "a line of id-redis" in done.err


def test_opens_the_log_folder_to_the_containers(checkout: Checkout) -> None:
    logs = checkout.shop / "logs"
    logs.mkdir(mode=0o755)

    checkout.run("--up", environment=PASSWORD)

    assert stat.S_IMODE(logs.stat().st_mode) == 0o1777
    assert (checkout.shop / "docker_volumes" / "redis").is_dir()


def test_follows_the_logs_on_a_terminal_only(checkout: Checkout) -> None:
    checkout.run("--logs")
    (piped,) = (call.arguments for call in checkout.compose_calls())
    assert "--follow" not in piped

    terminal, other_end = pty.openpty()
    try:
        subprocess.run(
            checkout.command("--logs"),
            check=True,
            env=checkout.variables(),
            stdout=other_end,
            timeout=30,
        )
    finally:
        os.close(terminal)
        os.close(other_end)
    _, shown = (call.arguments for call in checkout.compose_calls())
    assert "--follow" in shown
