"""What orders wait, with a shop made up of its answers."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from loadtest.bench.bench import BenchBroke
from loadtest.bench.waits import arrivals, place_at, wait_ms


class MadeUpShop(ThreadingHTTPServer):
    """Names tasks by their orders; what they waited is to be set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.placed: list[tuple[float, str]] = []
        self.accepts = True
        self.waits_ms: dict[str, int | None] = {}


class _Handler(BaseHTTPRequestHandler):
    server: MadeUpShop
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.placed.append((time.monotonic(), order["id"]))
        self._answer(202 if self.server.accepts else 503, {"task_id": f"task-{order['id']}"})

    def do_GET(self) -> None:
        waited = self.server.waits_ms[self.path.rpartition("/")[2]]
        self._answer(200, {"timings": {"queue_wait_ms": waited}})

    def log_message(self, *_: object) -> None: ...

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def shop() -> Iterator[MadeUpShop]:
    with MadeUpShop() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_arrivals_are_drawn_from_the_seed_at_the_rate() -> None:
    times_s = list(arrivals(20.0, 2_000, seed=3))

    assert times_s == sorted(times_s)
    assert times_s == list(arrivals(20.0, 2_000, seed=3))
    assert times_s != list(arrivals(20.0, 2_000, seed=4))
    assert times_s[-1] == pytest.approx(100.0, rel=0.1)


def test_no_order_is_placed_before_its_time(shop: MadeUpShop) -> None:
    started_s = time.monotonic()

    tasks = place_at(shop.server_port, [0.0, 0.05, 0.2], "w")

    assert tasks == ["task-w-0", "task-w-1", "task-w-2"]
    came_after_s = [at_s - started_s for at_s, _ in shop.placed]
    assert all(
        came_s >= due_s for came_s, due_s in zip(came_after_s, [0.0, 0.05, 0.2], strict=True)
    )


def test_an_order_that_is_turned_away_ends_it(shop: MadeUpShop) -> None:
    shop.accepts = False

    with pytest.raises(BenchBroke, match="503"):
        place_at(shop.server_port, [0.0], "w")


def test_the_few_that_waited_longest_do_not_count(shop: MadeUpShop) -> None:
    shop.waits_ms = {f"t{number}": 10 for number in range(98)} | {"t98": 900, "t99": 900}

    assert wait_ms(shop.server_port, list(shop.waits_ms)) == 10


def test_a_wait_is_never_nothing_for_ratios_are_made_of_it(shop: MadeUpShop) -> None:
    shop.waits_ms = {"t": 0}

    assert wait_ms(shop.server_port, ["t"]) == 1


def test_a_task_that_has_not_started_is_an_error(shop: MadeUpShop) -> None:
    shop.waits_ms = {"t": None}

    with pytest.raises(BenchBroke, match="has not started"):
        wait_ms(shop.server_port, ["t"])
