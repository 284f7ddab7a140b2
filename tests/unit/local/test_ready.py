"""The probes."""

from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from shop.local import ready
from testing.servers import HOST, ValkeyProcess, free_port


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(HTTPStatus.OK if self.path == "/well" else HTTPStatus(503))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web_port() -> Iterator[int]:
    with ThreadingHTTPServer((HOST, 0), Pages) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_http_is_ready_when_the_page_answers_200(web_port: int) -> None:
    assert ready.http_ok(HOST, web_port, "/well")()
    assert not ready.http_ok(HOST, web_port, "/unwell")()
    assert not ready.http_ok(HOST, free_port(), "/well")()


def test_a_server_that_is_not_http_is_not_ready(valkey: ValkeyProcess) -> None:
    assert not ready.http_ok(HOST, valkey.port, "/")()


def test_redis_is_ready_when_it_answers(valkey: ValkeyProcess) -> None:
    assert ready.redis_answers(HOST, valkey.port, None)()
    assert not ready.redis_answers(HOST, free_port(), None)()


def test_a_frozen_redis_is_not_ready(valkey: ValkeyProcess) -> None:
    valkey.freeze()
    try:
        assert not ready.redis_answers(HOST, valkey.port, None)()
    finally:
        valkey.thaw()


def test_a_file_is_ready_when_it_is_there(tmp_path: Path) -> None:
    probe = ready.exists(tmp_path / "alive")
    assert not probe()
    (tmp_path / "alive").touch()
    assert probe()


def test_later_probes_are_not_asked_before_the_earlier_ones_say_yes() -> None:
    asked: list[str] = []

    def probe(name: str, answer: bool) -> bool:
        asked.append(name)
        return answer

    assert not ready.all_of(lambda: probe("first", False), lambda: probe("second", True))()
    assert asked == ["first"]
    assert ready.all_of(lambda: probe("first", True), lambda: probe("second", True))()
