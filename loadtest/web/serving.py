"""Serves Locust's page, with the lab's, until it is interrupted."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from rich.console import Console

from loadtest.running.generator import LAST_LINES, LOCUSTFILE, ROOT, GeneratorBroke
from loadtest.running.targets import Refused
from loadtest.users.control import CONTROL_URL
from loadtest.web.control import HOST, running_control
from loadtest.web.facts import Facts
from loadtest.web.shops import chosen_shop
from testing.environment import without_foreign
from testing.stacks.processes import Guard

STARTS_WITHIN_S = 30.0
ENDS_WITHIN_S = 10.0
POLL_EVERY_S = 0.1
#: At least one for each scenario that is picked; each starts only one.
USERS = 10


def serve(url: str | None, port: int, seed: int, notes: Console) -> int:
    """Returns 0 when it is interrupted; everything that was started is ended by then.

    Raises `Refused`, `StackHeld`, `StackFailed`, `TimedOut`, `GeneratorBroke`.
    """
    _require_free(port)
    try:
        with (
            chosen_shop(url, notes) as shop,
            running_control(shop) as control_url,
            _running_page(shop.facts, control_url, port, seed) as page,
        ):
            notes.print(f"the shop:       {shop.facts.base_url}", soft_wrap=True)
            notes.print(f"Locust's page:  http://{HOST}:{port}/", soft_wrap=True)
            notes.print(f"live verdict:   http://{HOST}:{port}/lab", soft_wrap=True)
            notes.print("Ctrl-C ends it.")
            page.wait_for_end()
    except KeyboardInterrupt:
        notes.print("ended: nothing is left running")
    return 0


class Page:
    """Locust as a process."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process = process
        self._log = log

    def wait_ready(self, port: int) -> None:
        """Raises `GeneratorBroke`."""
        deadline_s = time.monotonic() + STARTS_WITHIN_S
        with httpx.Client(timeout=1.0, trust_env=False) as http:
            while time.monotonic() < deadline_s:
                if self._process.poll() is not None:
                    raise self._broke()
                try:
                    if http.get(f"http://{HOST}:{port}/lab/state").is_success:
                        return
                except httpx.HTTPError:
                    pass
                time.sleep(POLL_EVERY_S)
        raise GeneratorBroke(f"Locust's page does not answer within {STARTS_WITHIN_S:.0f} s")

    def wait_for_end(self) -> None:
        """It has none but by an error. Raises `GeneratorBroke`."""
        self._process.wait()
        raise self._broke()

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _broke(self) -> GeneratorBroke:
        lines = [line for line in self._log.read_text().splitlines() if line.strip()]
        said = " | ".join(lines[-LAST_LINES:])
        return GeneratorBroke(f"locust ended with exit code {self._process.returncode}: {said}")


@contextmanager
def _running_page(facts: Facts, control_url: str, port: int, seed: int) -> Iterator[Page]:
    command = [
        *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--class-picker"),
        *("--web-host", HOST, "--web-port", str(port), "--host", facts.base_url),
        *("--users", str(USERS), "--spawn-rate", str(USERS), "--seed", str(seed)),
    ]
    if facts.why_fixed is None:
        command += ["--service-time-ms", f"{facts.order_ms:g}"]
    # What the page does is chosen on it, not by what was left in the environment.
    kept = {
        name: value
        for name, value in without_foreign(os.environ).items()
        if name not in ("LAB_SCHEDULE", "LAB_ARM")
    }
    environment = {
        **kept,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH")))),
        CONTROL_URL: control_url,
    }
    with tempfile.TemporaryDirectory(prefix="shop-lab-") as folder, Guard() as guard:
        log = Path(folder) / "locust.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for this process, which ends that one in its turn.
                start_new_session=True,
            )
        guard.add(process.pid)
        page = Page(process, log)
        try:
            page.wait_ready(port)
            yield page
        finally:
            page.end()
            guard.discard(process.pid)


def _require_free(port: int) -> None:
    """Raises `Refused` if somebody listens there."""
    with socket.socket() as probe:
        # As servers do: connections that linger from an earlier page do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise Refused(f"port {port} of {HOST} cannot be used: {error.strerror}") from None
