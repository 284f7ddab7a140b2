"""A headless Chromium, steered by its own protocol: nothing else has to be installed."""

import base64
import itertools
import json
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from testing.waiting import TimedOut, wait_for

NAMES = ("chromium", "chromium-browser", "google-chrome")
STARTS_WITHIN_S = 20.0
ANSWERS_WITHIN_S = 10.0
ENDS_WITHIN_S = 5.0
#: Its start is a script on Debian: the browser and its helpers are this process's group.
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--window-size=1240,1400",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
    "--remote-debugging-port=0",
)


def chromium_problem() -> str | None:
    """Why there is none, a line."""
    if any(shutil.which(name) for name in NAMES):
        return None
    return "no Chromium: on Debian, apt install chromium"


class Tab:
    """One page of it. What the page itself gets wrong is kept in `errors`."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The protocol's own."""
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        deadline_s = time.monotonic() + ANSWERS_WITHIN_S
        while True:
            message = json.loads(self._connection.recv(deadline_s - time.monotonic()))
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def open(self, url: str) -> None:
        answer = self.call("Page.navigate", url=url)
        assert "errorText" not in answer, f"{url}: {answer['errorText']}"
        wait_for(
            f"{url} is loaded",
            lambda: self.js("document.readyState") == "complete",
            within_s=ANSWERS_WITHIN_S,
        )

    def js(self, expression: str) -> Any:
        """The value of an expression, as JSON has it."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, f"{expression}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    def wait_until(self, expression: str, within_s: float = ANSWERS_WITHIN_S) -> Any:
        return wait_for(
            expression,
            lambda: self.js(expression) or None,
            within_s=within_s,
            explain=lambda: str(self.js("document.body.innerText")),
        )

    def click(self, element: str) -> None:
        """As a mouse does, in the middle of what the expression finds."""
        place = self.js(
            f"(() => {{ const e = {element}; e.scrollIntoView({{block: 'center'}});"
            " const r = e.getBoundingClientRect();"
            " return {x: r.x + r.width / 2, y: r.y + r.height / 2}; })()"
        )
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def fill(self, name: str, text: str) -> None:
        """The form's field of that name, as a keyboard does, in the place of what it holds."""
        field = f"document.querySelector('input[name=\"{name}\"]')"
        self.js(f"{field}.scrollIntoView({{block: 'center'}}); {field}.focus(); {field}.select()")
        if text:
            self.call("Input.insertText", text=text)
        else:
            self.call("Input.dispatchKeyEvent", type="keyDown", key="Delete", code="Delete")
        assert self.js(f"{field}.value") == text

    def picture(self, file: Path, *, width: int = 1240, height: int = 1400) -> None:
        """A PNG of the page as it stands in a window of that size."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        data = self.call("Page.captureScreenshot", captureBeyondViewport=False)["data"]
        file.write_bytes(base64.b64decode(data))

    def _note(self, message: dict[str, Any]) -> None:
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.errors.append(str(message["params"]["exceptionDetails"]))
            case "Log.entryAdded" if message["params"]["entry"]["level"] == "error":
                self.errors.append(str(message["params"]["entry"]))


@contextmanager
def running_chromium() -> Iterator[Tab]:
    """A browser with a profile of its own, which is ended with all of its processes."""
    program = next(found for name in NAMES if (found := shutil.which(name)))
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [program, *OPTIONS, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            port = _port(Path(profile) / "DevToolsActivePort")
            tabs = httpx.get(f"http://127.0.0.1:{port}/json/list", trust_env=False).json()
            url = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            with connect(url, proxy=None, max_size=None) as connection:
                yield Tab(connection)
        finally:
            _end(process)


def _port(file: Path) -> int:
    """It writes its port there, and in the next line a path, once it listens."""
    lines = wait_for(
        "Chromium listens",
        lambda: file.exists() and file.read_text().splitlines()[1:] and file.read_text(),
        within_s=STARTS_WITHIN_S,
    )
    return int(str(lines).splitlines()[0])


def _end(process: "subprocess.Popen[bytes]") -> None:
    for signum in (signal.SIGTERM, signal.SIGKILL):
        try:
            _signal_group(process.pid, signum)
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            continue
        break
    # Its helpers may need a moment longer than the browser itself.
    try:
        wait_for(
            "Chromium's processes are gone",
            lambda: not _signal_group(process.pid, signal.SIGKILL),
            within_s=ENDS_WITHIN_S,
        )
    except TimedOut:
        process.kill()
        raise


def _signal_group(group: int, signum: signal.Signals) -> bool:
    """Whether there was anybody to get it."""
    import os

    try:
        os.killpg(group, signum)
    except (ProcessLookupError, PermissionError):
        return False
    return True
