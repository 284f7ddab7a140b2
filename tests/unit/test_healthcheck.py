"""docker/healthcheck, which runs in the containers without starting a Python."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.unit.checkout import REPOSITORY

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="docker/healthcheck runs in Linux containers only"
)


def healthcheck(*arguments: str, run_dir: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(REPOSITORY / "docker" / "healthcheck"), *arguments],
        env={"PATH": os.environ["PATH"], **({"SHOP_RUN_DIR": str(run_dir)} if run_dir else {})},
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )


@contextmanager
def server(status: int) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/live" else 404)
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"yes")

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield listening.server_port
        finally:
            listening.shutdown()
            thread.join()


def test_http_is_healthy_on_200() -> None:
    with server(200) as port:
        done = healthcheck("http", str(port), "/health/live")

    assert (done.returncode, done.stdout) == (0, "ok\n")


@pytest.mark.parametrize(
    ("status", "path"), [(503, "/health/live"), (401, "/health/live"), (200, "/other")]
)
def test_http_is_not_healthy_on_another_status(status: int, path: str) -> None:
    with server(status) as port:
        done = healthcheck("http", str(port), path)

    assert done.returncode == 1
    assert f"{path}: HTTP/1.0 {404 if path == '/other' else status}" in done.stdout


def test_http_is_not_healthy_where_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    done = healthcheck("http", str(port), "/health/live")

    assert done.returncode == 1
    assert f"nothing listens on port {port}" in done.stdout


def test_http_does_not_wait_for_ever_for_a_frozen_service() -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:  # accepts, and never answers
        done = healthcheck("http", str(frozen.getsockname()[1]), "/health/live")

    assert done.returncode == 1
    assert "no answer in 3 s" in done.stdout


def test_alive_is_healthy_when_all_were_touched_lately(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.alive").touch()

    done = healthcheck("alive", "15", "one", "two", run_dir=tmp_path)

    assert (done.returncode, done.stdout) == (0, "ok\n")


def test_alive_names_who_went_silent(tmp_path: Path) -> None:
    (tmp_path / "one.alive").touch()
    (tmp_path / "two.alive").touch()
    long_ago_s = time.time() - 60
    os.utime(tmp_path / "two.alive", (long_ago_s, long_ago_s))

    done = healthcheck("alive", "15", "one", "two", run_dir=tmp_path)

    assert done.returncode == 1
    assert done.stdout.startswith("two: last sign of life 6")


def test_alive_names_who_never_came(tmp_path: Path) -> None:
    done = healthcheck("alive", "15", "one", run_dir=tmp_path)

    assert (done.returncode, done.stdout) == (1, "one: no sign of life yet\n")


@pytest.mark.parametrize("arguments", [(), ("http", "8000"), ("alive", "15"), ("dance", "1", "2")])
def test_refuses_what_it_does_not_know(arguments: tuple[str, ...]) -> None:
    done = healthcheck(*arguments)

    assert done.returncode == 1
    assert done.stdout.startswith("usage: ")
