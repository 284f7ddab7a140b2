"""A shop that answers as it is told to, for the generator to be tried on."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RUN_MS = 20.0
PDF = b"%PDF-1.7 made up"


@dataclass
class StubShop:
    """Its behaviour, which tests set, and what it was asked."""

    #: How long an acceptance takes.
    accept_s: float = 0.0
    #: Orders are refused with 503.
    sheds_orders: bool = False
    #: How long a task takes from being accepted; None is for ever.
    task_s: float | None = 0.0
    has_gauges: bool = True
    #: After so many orders it tells them no more, or has no metrics at all: 500.
    forgets_gauges_after: int | None = None
    loses_metrics_after: int | None = None
    base_url: str = ""
    accepted: dict[str, float] = field(default_factory=dict)
    #: Paths and bodies, in the order in which they came.
    requests: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    #: That came with what was posted.
    api_keys: set[str | None] = field(default_factory=set)

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [body for _, asked, body in list(self.requests) if asked == path]

    def open_tasks(self) -> int:
        return sum(not self.is_finished(task) for task in list(self.accepted))

    def is_finished(self, task_id: str) -> bool:
        return self.task_s is not None and time.time() >= self.accepted[task_id] + self.task_s


@contextmanager
def running_stub() -> Iterator[StubShop]:
    shop = StubShop()

    class Handler(_Handler):
        stub = shop

    class Server(ThreadingHTTPServer):
        # Many connect at once; the 5 that wait otherwise are too few.
        request_queue_size = 256
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    shop.base_url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Two small writes and a delayed acknowledgement are 40 ms together.
    wbufsize = -1
    disable_nagle_algorithm = True
    stub: StubShop

    def do_GET(self) -> None:
        self.stub.requests.append(("GET", self.path, {}))
        _, room, *rest = self.path.split("/")
        match room:
            case "health":
                self._answer(200, {"status": "alive"})
            case "metrics" if self._has_taken(self.stub.loses_metrics_after):
                self._answer(500, {})
            case "metrics":
                self._send(200, "text/plain", self._metrics().encode())
            case "status" if rest[0] in self.stub.accepted:
                self._answer(200, self._status(rest[0]))
            case "invoice":
                self._send(200, "application/pdf", PDF)
            case _:
                self._answer(404, {"type": "/problems/not-found"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.stub.requests.append(("POST", self.path, body))
        self.stub.api_keys.add(self.headers["X-API-Key"])
        time.sleep(self.stub.accept_s)
        if self.path == "/order" and self.stub.sheds_orders:
            self._answer(503, {"type": "/problems/backlog-full"}, {"Retry-After": "5"})
            return
        task_id = f"task-{len(self.stub.requests)}-{threading.get_ident()}"
        self.stub.accepted[task_id] = time.time()
        self._answer(202, {"task_id": task_id})

    def log_message(self, *_: Any) -> None:
        pass

    def _status(self, task_id: str) -> dict[str, Any]:
        at_s = self.stub.accepted[task_id]
        is_finished = self.stub.is_finished(task_id)
        started_s = at_s + (self.stub.task_s or 0.0)
        return {
            "task_id": task_id,
            "state": "SUCCESS" if is_finished else "PENDING",
            "ready": is_finished,
            "error": None,
            "timings": {
                "first_enqueued_at": _iso(at_s),
                "enqueued_at": _iso(at_s),
                "received_at": _iso(started_s) if is_finished else None,
                "started_at": _iso(started_s) if is_finished else None,
                "finished_at": _iso(started_s + RUN_MS / 1000) if is_finished else None,
                "deliveries": 1,
            },
        }

    def _has_taken(self, orders: int | None) -> bool:
        return orders is not None and len(self.stub.bodies("/order")) >= orders

    def _metrics(self) -> str:
        if self._has_taken(self.stub.forgets_gauges_after) or not self.stub.has_gauges:
            return "python_info 1.0\n"
        return (
            'shop_queue_depth{queue="default"} 0.0\nshop_queue_depth{queue="priority"} 0.0\n'
            f"shop_open_orders {self.stub.open_tasks()}.0\nshop_open_notifications 0.0\n"
        )

    def _answer(
        self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        self._send(status, "application/json", json.dumps(body).encode(), headers)

    def _send(
        self, status: int, kind: str, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")
