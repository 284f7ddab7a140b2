"""HTTP for the generator: requests that are bytes before they are due, kept connections."""

import json
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlsplit

import gevent
from gevent import socket
from gevent import ssl as gevent_ssl
from geventhttpclient.response import HTTPConnectionClosed, HTTPSocketResponse

from loadtest.users.clock import Clock

#: The shop promises an answer within 2 s.
ANSWERS_WITHIN_S = 10.0
#: Servers close a kept connection after a while (uvicorn 5 s, some 2 s); one that is about to be
#: closed would cost a request that cannot be sent again safely.
MAX_IDLE_S = 1.5
OK = 200
BLOCK_BYTES = 64 * 1024
#: Headers of answers that take more than to read them.
_COMPLICATED = frozenset({"connection", "transfer-encoding", "upgrade"})
_PORTS = {"http": 80, "https": 443}


class BadUrl(ValueError):
    """It is no base URL that requests can go to."""


class NoShop(Exception):
    """No shop is there; one line says what is."""


class Unanswered(Exception):
    """No answer came; one line says why."""

    def __init__(self, reason: str, sent_s: float | None, ended_s: float) -> None:
        super().__init__(reason)
        self.sent_s = sent_s
        self.ended_s = ended_s


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    head_and_body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """Times are seconds of `perf_counter`; names in `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent_s: float
    answered_s: float

    def json(self) -> Any:
        """Raises `ValueError`."""
        return json.loads(self.body)


class Wire:
    """Connections to one shop; any number of greenlets may use it at once.

    Kept connections take turns, so that none is idle for long while there is traffic.
    """

    def __init__(self, base_url: str, *, api_key: str | None = None) -> None:
        """Connects to nothing. Raises `BadUrl`."""
        try:
            url = urlsplit(base_url)
            port = url.port
        except ValueError as error:
            raise BadUrl(f"{base_url!r} is no base URL: {error}") from None
        if url.scheme not in _PORTS or not url.hostname:
            raise BadUrl(f"{base_url!r} is no base URL such as http://127.0.0.1:8000")
        self.base_url = base_url
        self._host = url.hostname
        self._port = port or _PORTS[url.scheme]
        self._path = url.path.rstrip("/")
        self._tls = gevent_ssl.create_default_context() if url.scheme == "https" else None
        netloc = url.netloc.rpartition("@")[2]
        key = f"X-API-Key: {api_key}\r\n" if api_key else ""
        self._common = f"Host: {netloc}\r\nUser-Agent: shop-lab\r\nAccept: */*\r\n{key}"
        self._idle = deque[tuple[socket.socket, float]]()

    def get(self, path: str) -> Request:
        return self._request("GET", path, b"")

    def post(self, path: str, payload: Mapping[str, Any]) -> Request:
        return self._request("POST", path, json.dumps(payload).encode())

    def exchange(self, request: Request, within_s: float = ANSWERS_WITHIN_S) -> Answer:
        """Send it and wait for the answer; never sent twice. Raises `Unanswered`."""
        sent_s: float | None = None
        connection = None
        try:
            connection = self._take(within_s)
            sent_s = Clock.now_s()
            connection.sendall(request.head_and_body)
            answer, is_kept = _read(connection, request.method, sent_s)
        except (OSError, HTTPException) as error:
            ended_s = Clock.now_s()
            self._drop(connection)
            raise Unanswered(_reason(error, within_s), sent_s, ended_s) from None
        except gevent.GreenletExit:
            self._drop(connection)
            raise
        if is_kept:
            self._idle.append((connection, answer.answered_s))
        return answer

    def require_shop(self) -> None:
        """Raises `NoShop` unless one answers there."""
        try:
            answer = self.exchange(self.get("/health/live"))
        except Unanswered as error:
            raise NoShop(f"no shop answers at {self.base_url}: {error}") from None
        if answer.status != OK:
            raise NoShop(f"{self.base_url} answers {answer.status} where a shop says it is alive")

    def prepare(self, connections: int) -> None:
        """Have that many connections kept before anything is measured. Raises `Unanswered`."""
        greenlets = [gevent.spawn(self._unanswered) for _ in range(connections)]
        try:
            gevent.joinall(greenlets)
        finally:
            gevent.killall(greenlets, block=False)
        for greenlet in greenlets:
            if greenlet.value is not None:
                raise greenlet.value

    def close(self) -> None:
        while self._idle:
            self._drop(self._idle.popleft()[0])

    def _unanswered(self) -> Unanswered | None:
        try:
            self.exchange(self.get("/health/live"))
        except Unanswered as error:
            return error
        return None

    def _request(self, method: str, path: str, body: bytes) -> Request:
        target = self._path + quote(path, safe="/?&=%") or "/"
        content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        head = f"{method} {target} HTTP/1.1\r\n{self._common}{content if body else ''}\r\n"
        return Request(method, head.encode("latin-1") + body)

    def _take(self, within_s: float) -> Any:
        now_s = Clock.now_s()
        while self._idle:
            connection, since_s = self._idle.popleft()
            if now_s - since_s <= MAX_IDLE_S:
                connection.settimeout(within_s)
                return connection
            self._drop(connection)
        connection = socket.create_connection((self._host, self._port), timeout=within_s)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_hostname=self._host)
        return connection

    @staticmethod
    def _drop(connection: Any) -> None:
        if connection is not None:
            connection.close()


def _read(connection: Any, method: str, sent_s: float) -> tuple[Answer, bool]:
    """The answer, and whether the connection may be used again."""
    data = connection.recv(BLOCK_BYTES)
    plain = _plain(data)
    if plain is not None:
        status, headers, body = plain
        return Answer(status, headers, body, sent_s, Clock.now_s()), True
    response = HTTPSocketResponse(connection, method=method, pre_buffered=data)
    body = response.read()
    answered_s = Clock.now_s()
    headers = {name.lower(): value.strip() for name, value in response.headers}
    answer = Answer(response.get_code(), headers, body, sent_s, answered_s)
    return answer, not response.should_close()


def _plain(data: bytes) -> tuple[int, Mapping[str, str], bytes] | None:
    """Status, headers and body of an answer that came whole and is as simple as most are.

    Under an overload thousands come a second, and the parser takes a third of an exchange's time.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if not end or headers.get("content-length") != str(len(body)):
        return None
    status = first[9:12]
    is_final = first.startswith("HTTP/1.1 ") and status.isdecimal() and int(status) >= OK
    if not is_final or not _COMPLICATED.isdisjoint(headers):
        return None
    return int(status), headers, body


def _reason(error: Exception, within_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {within_s:g} s"
    if isinstance(error, HTTPConnectionClosed):
        return "the connection was closed without an answer"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    return f"{type(error).__name__}: {error}"
