"""Flower is closed on every route, whatever a later version of it adds.

A real Flower is started as people start it, by the celery command, on a free port.
"""

import re
import signal
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flower.inspector import Inspector
from flower.urls import handlers

from shop.adapters.flower import (
    ASKED,
    HEALTH_PATH,
    MAX_TASKS,
    REFUSES_TO_START,
    Gate,
    unanswered,
)
from tests.unit.adapters.flower_process import (
    LAB,
    PASSWORD,
    START_WITHIN_S,
    USER,
    Flower,
    celery,
    exchange,
    free_port,
    running,
    running_flower,
    running_redis,
)

STOP_WITHIN_S = 5.0


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the Celery app, in which the processes run."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "lab.py").write_text(LAB)
    return folder


@pytest.fixture(scope="module")
def closed_port() -> int:
    """A port on which no Redis answers."""
    return free_port()


@pytest.fixture(scope="module")
def redis_port(lab: Path) -> Iterator[int]:
    port = free_port()
    with running_redis(lab, port):
        yield port


@pytest.fixture(scope="module")
def flower(lab: Path, redis_port: int) -> Iterator[Flower]:
    with running_flower(lab, redis_port) as started:
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
    "base64 with more in it": RIGHT[:12] + b"!" + RIGHT[12:],
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
    assert flower.ask(path, RIGHT).status != 401


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
        assert refused.output().strip() == REFUSES_TO_START
    assert "FLOWER_PASSWORD" in REFUSES_TO_START


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


def test_its_memory_is_bounded_unless_the_operator_says_otherwise(lab: Path) -> None:
    code = (
        "import flower.command as f, lab; print(f.options.max_tasks);"
        "f.apply_env_options(); print(f.options.max_tasks)"
    )
    given = {"LAB_BROKER": "memory://", "FLOWER_USER": USER, "FLOWER_MAX_TASKS": "77"}
    with running([sys.executable, "-c", code], lab, "bounded", given) as bounded:
        assert bounded.process.wait(START_WITHIN_S) == 0
        assert bounded.output().split() == [str(MAX_TASKS), "77"]


@contextmanager
def running_worker(lab: Path, redis_port: int, queue: str) -> Iterator[str]:
    """Start a worker bound to one queue, and give its name."""
    name = f"{queue}@here"
    command = celery("worker", "-E", "-P", "threads", "-c", "2", "-Q", queue, "-n", name)
    env = {"LAB_BROKER": f"redis://127.0.0.1:{redis_port}/0", "FLOWER_USER": USER}
    with running(command, lab, queue, env):
        yield name


def wait_until_listed(flower: Flower, worker: str) -> list[str]:
    """Wait for the worker in Flower's API, and give the queues that it is said to serve."""

    def queues() -> list[str] | None:
        info = flower.ask("/api/workers", RIGHT).json().get(worker, {})
        return [queue["name"] for queue in info.get("active_queues", [])] or None

    return flower.wait_for(worker, queues, START_WITHIN_S)


def test_workers_that_start_after_it_are_listed(lab: Path, flower: Flower, redis_port: int) -> None:
    def asked_in_vain() -> bool | None:
        return len(re.findall(r"Inspect method \w+ failed", flower.output())) >= 4 or None

    flower.wait_for("the end of its own first look", asked_in_vain, START_WITHIN_S)
    with (
        running_worker(lab, redis_port, "default") as default,
        running_worker(lab, redis_port, "priority") as priority,
    ):
        assert wait_until_listed(flower, default) == ["default"]
        assert wait_until_listed(flower, priority) == ["priority"]


def test_a_worker_that_answered_in_part_is_asked_again() -> None:
    whole = dict.fromkeys(Inspector.inspect_methods)
    asked = dict.fromkeys(ASKED)
    answers: dict[str, dict[str, Any]] = {
        "whole": whole,
        "asked": asked,
        "in-part": {"stats": None},
    }

    assert unanswered(["whole", "asked", "in-part", "new"], answers) == {"in-part", "new"}


def test_what_is_asked_of_every_worker_is_what_flower_asks() -> None:
    assert {*Inspector.inspect_methods} - {*Inspector.task_inspect_methods} == ASKED


def test_redis_may_come_later(lab: Path) -> None:
    port = free_port()
    with (
        running_flower(lab, port) as flower,
        running_redis(lab, port),
        running_worker(lab, port, "default") as worker,
    ):
        wait_until_listed(flower, worker)
        path, body = "/api/task/send-task/greet", b'{"args": ["you"]}'
        task_id = flower.ask(path, RIGHT, method="POST", body=body).json()["task-id"]

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
