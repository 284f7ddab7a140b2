"""Closes all of Flower behind HTTP basic auth, however it is started on our Celery app.

Flower's own check is made handler by handler: it leaves `/metrics`, static files, OPTIONS and
unknown paths open, and answers 500 to a header that is not ASCII. Here one gate stands before its
router, so that a route of a later version cannot be forgotten.
"""

import base64
import hashlib
import hmac
import logging
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from threading import Timer
from typing import TYPE_CHECKING, Any, cast

from celery import Celery, signals
from pydantic import SecretStr

if TYPE_CHECKING:
    from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest

logger = logging.getLogger(__name__)

#: The one address that answers without credentials; it says `OK` and nothing else.
HEALTH_PATH = "/healthcheck"

#: Most tasks that Flower remembers, 6 KB each. Its own default is 100 000: 604 MB after a flood.
MAX_TASKS = 10_000

#: Seconds after which a worker that has gone is no longer listed; its name may never come back.
PURGE_OFFLINE_WORKERS_S = 3600

#: Seconds between two looks for workers that sent events and did not yet say what they are.
WORKER_LOOKUP_S = 2.0

#: What Flower asks every worker, each by a question of its own: a worker that is just starting may
#: answer the later ones only.
ASKED = frozenset({"stats", "active_queues", "registered", "conf"})

#: Seconds between two tries to listen to workers' events.
LISTEN_AGAIN_S = 1.0

#: Seconds that calls to Redis may hold up the exit; while Redis is away they did for 6.
STOP_GRACE_S = 2.0

#: What is printed when no password is set.
REFUSES_TO_START = (
    "Flower does not start: FLOWER_PASSWORD is not set, and it never runs without one."
)


class Gate:
    """Knows the one user name and password that open Flower."""

    def __init__(self, user: str, password: str) -> None:
        self._expected = _digest(f"{user}:{password}".encode())
        #: What Flower's own check is given to compare, instead of the real credentials: ASCII
        #: without a comma whatever the password holds, and known to nobody outside the process.
        self.inner = f"gate:{secrets.token_urlsafe(32)}"

    def admits(self, authorization: str) -> bool:
        """Tell whether an `Authorization` header carries the credentials (RFC 7617, UTF-8)."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            credentials = base64.b64decode(token.strip(" "), validate=True)
        except ValueError:  # not base64, or not even ASCII
            return False
        return hmac.compare_digest(_digest(credentials), self._expected)


def guard_flower(app: Celery, *, user: str, password: SecretStr | None) -> None:
    """Let nobody without these credentials into a Flower that watches `app`.

    Costs a signal receiver where Flower does not run. Without a password Flower refuses to start,
    naming FLOWER_PASSWORD, with exit code 1; workers and Beat do not mind.
    """
    secret = password.get_secret_value() if password else ""
    gate = Gate(user, secret) if secret else None

    def install(**_: Any) -> None:
        # Workers send this signal as well; Flower sends it while it is being built, before it
        # listens. Nothing of Flower is imported here: where it runs, it is loaded already.
        flower = sys.modules.get("flower.app")
        if flower is not None:
            signals.import_modules.disconnect(install, sender=app)
            _install(flower.Flower, app, gate)
            _forget_at_once()
            _listen_again_soon()

    signals.import_modules.connect(install, sender=app, weak=False)
    # The celery command loads its plug-in Flower, then the app, and then reads Flower's options
    # from environment and command line: what is set here is their default.
    options = sys.modules.get("flower.options")
    if options is not None:
        options.options.max_tasks = MAX_TASKS
        options.options.purge_offline_workers = PURGE_OFFLINE_WORKERS_S


def log_flower(configure: Callable[[], None]) -> None:
    """Let `configure` have the last word on logs where Flower runs; it sends no `setup_logging`."""
    command: Any = sys.modules.get("flower.command")
    if command is None:
        return
    set_up = command.setup_logging

    def set_up_and_configure() -> None:
        set_up()
        configure()

    command.setup_logging = set_up_and_configure


def _install(flower_type: Any, app: Celery, gate: Gate | None) -> None:
    """Put the gate in front of each Flower that watches `app`; others stay as they are."""
    find_handler = flower_type.find_handler
    start_http_server = flower_type.start_http_server
    start = flower_type.start

    def find_guarded(
        flower: Any, request: "HTTPServerRequest", **kwargs: Any
    ) -> "HTTPMessageDelegate | None":
        if flower.capp is app and not _may_pass(flower, request, gate):
            return _refusal(request)
        handler: HTTPMessageDelegate | None = find_handler(flower, request, **kwargs)
        return handler

    def start_http_server_guarded(flower: Any) -> int | None:
        if flower.capp is app:
            if gate is None:
                raise SystemExit(REFUSES_TO_START)
            # Flower opens its API, and refuses forged requests, only when this is set.
            flower.options.basic_auth = [gate.inner]
        port: int | None = start_http_server(flower)
        return port

    def start_attentive(flower: Any) -> None:
        if flower.capp is app:
            _look_for_workers(flower)
        try:
            start(flower)
        except (KeyboardInterrupt, SystemExit):
            _end_within(STOP_GRACE_S)
            raise

    flower_type.find_handler = find_guarded
    flower_type.start_http_server = start_http_server_guarded
    flower_type.start = start_attentive


def _forget_at_once() -> None:
    from flower.events import EventsState

    from shop.adapters.flower_tasks import ForgettableTask

    EventsState.Task = ForgettableTask


def _listen_again_soon() -> None:
    from flower import events

    def run(listener: Any) -> None:
        """Flower 2.2's own doubles its waits: after an hour's outage it sleeps for an hour."""
        while True:
            try:
                with listener.capp.connection() as connection:
                    receiver = events.EventReceiver(
                        connection, handlers={"*": listener.on_event}, app=listener.capp
                    )
                    receiver.capture(limit=None, timeout=None, wakeup=True)
            except Exception as error:
                logger.warning("waits for the broker: %s", error)
                time.sleep(LISTEN_AGAIN_S)

    events.Events.run = run


def _may_pass(flower: Any, request: "HTTPServerRequest", gate: Gate | None) -> bool:
    """Judge a request; one with the right credentials passes Flower's own check as well."""
    if gate is not None and gate.admits(request.headers.get("Authorization", "")):
        inner = base64.b64encode(gate.inner.encode()).decode()
        request.headers["Authorization"] = f"Basic {inner}"
        return True
    return _is_health_check(flower, request)


def _is_health_check(flower: Any, request: "HTTPServerRequest") -> bool:
    prefix = (flower.options.url_prefix or "").strip("/")
    path = f"/{prefix}{HEALTH_PATH}" if prefix else HEALTH_PATH
    return request.method == "GET" and request.path == path


def _refusal(request: "HTTPServerRequest") -> "HTTPMessageDelegate":
    """Answer 401 when the body has been read and dropped, whatever the method and the path."""
    from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPMessageDelegate, ResponseStartLine

    connection = cast(HTTPConnection, request.connection)
    body = b"Flower needs a user name and a password.\n"
    headers = HTTPHeaders(
        {
            "Content-Type": "text/plain; charset=UTF-8",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "WWW-Authenticate": 'Basic realm="flower", charset="UTF-8"',
        }
    )

    class Refusal(HTTPMessageDelegate):
        def finish(self) -> None:
            start_line = ResponseStartLine("HTTP/1.1", 401, "Unauthorized")
            chunk = None if request.method == "HEAD" else body
            connection.write_headers(start_line, headers, chunk)
            connection.finish()

    return Refusal()


def _look_for_workers(flower: Any) -> None:
    """Ask workers for their queues and settings as soon as they are heard of.

    Flower asks once, at its own start, and so would never list a worker that starts after it.
    """
    from tornado.ioloop import PeriodicCallback

    def look() -> None:
        heard = {name for name, worker in flower.events.state.workers.items() if worker.alive}
        if unanswered(heard, flower.workers):
            flower.update_workers()

    PeriodicCallback(look, WORKER_LOOKUP_S * 1000).start()


def unanswered(heard: Iterable[str], answers: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Workers that were heard of, and of which something is not known yet."""
    return {name for name in heard if not answers.get(name, {}).keys() >= ASKED}


def _end_within(grace_s: float) -> None:
    """End the process even if threads that wait for Redis would hold it up."""
    timer = Timer(grace_s, os._exit, (0,))
    timer.daemon = True
    timer.start()


def _digest(credentials: bytes) -> bytes:
    """Give what is compared one length, so that the time it takes tells nothing."""
    return hashlib.sha256(credentials).digest()
