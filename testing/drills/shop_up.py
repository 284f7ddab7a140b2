"""`shop up` as a person runs it, to be ended by Ctrl-C and started again on its data."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from redis import Redis

from testing.environment import without_settings
from testing.stack import STORE_DB
from testing.stacks.ports import HOST, stable_port
from testing.waiting import TimedOut, wait_for

READY = "ShopTaskManager is up"
READY_WITHIN_S = 90.0
CLIENT_TIMEOUT_S = 3.0
LOG_BYTES = 4_000


class ShopUp:
    """A context manager: whatever was started is gone when it is left."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        """`environment` is settings by name; data and output stay in `folder`."""
        self._folder = folder
        self._environment = environment
        self._api_port, self._redis_port, flower_port = (stable_port() for _ in range(3))
        self._command = [
            *(sys.executable, "-c", "from shop.cli import main; main()", "up"),
            *("--api-port", str(self._api_port), "--redis-port", str(self._redis_port)),
            *("--flower-port", str(flower_port), "--data-dir", str(folder / "data")),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[tuple[int, bool], Redis] = {}
        self._starts = 0

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self._api_port}"

    @property
    def output(self) -> str:
        """Of the last start."""
        return self._log.read_text(errors="replace")

    def describe(self) -> str:
        return self.output[-LOG_BYTES:]

    def redis(self, db: int = STORE_DB, *, decode_responses: bool = True) -> Redis:
        key = (db, decode_responses)
        if key not in self._clients:
            self._clients[key] = Redis(
                host=HOST,
                port=self._redis_port,
                db=db,
                decode_responses=decode_responses,
                socket_timeout=CLIENT_TIMEOUT_S,
                socket_connect_timeout=CLIENT_TIMEOUT_S,
            )
        return self._clients[key]

    def start(self) -> None:
        """Returns when all of it is ready."""
        self._starts += 1
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**without_settings(os.environ), **self._environment},
                # A terminal's foreground group is this one, and no other.
                start_new_session=True,
            )
        wait_for("shop up", self._is_ready, within_s=READY_WITHIN_S, explain=self.describe)

    def processes(self) -> list[psutil.Process]:
        """Itself and everything below it."""
        own = psutil.Process(self._running.pid)
        return [own, *own.children(recursive=True)]

    def interrupt(self) -> None:
        """What a terminal does at Ctrl-C: SIGINT to its foreground process group."""
        os.killpg(self._running.pid, signal.SIGINT)

    def wait(self, within_s: float) -> int | None:
        """Its exit code; None if it has not ended in time."""
        try:
            return self._running.wait(within_s)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """Its guard ends what it leaves behind."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for client in self._clients.values():
            client.close()
        self.kill()

    @property
    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "it was never started"
        return self._process

    @property
    def _log(self) -> Path:
        return self._folder / f"shop-up-{self._starts}.log"

    def _is_ready(self) -> bool:
        if self._running.poll() is not None:
            raise TimedOut(f"shop up has ended\n{self.describe()}")
        return READY in self.output
