"""`shop up` as a person uses it: started, tried out, stopped."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest
from celery import Celery

from shop.local import ready
from testing.servers import HOST, free_port
from testing.waiting import wait_for
from tests.conftest import MakeSettings
from tests.integration.customer import DONE_WITHIN_S

READY_WITHIN_S = 60.0
STOPPED_WITHIN_S = 10.0
PROCESSED_WITHIN_S = 20.0
#: What stands on each service's command line, and on no other's.
MARKS = {
    "api": "shop.asgi:app",
    "worker-default": "default@%h",
    "worker-priority": "priority@%h",
    "beat": "beat --schedule",
    "flower": "shop.worker flower",
    "redis": "valkey-server",
}


class ShopUp:
    """One running `shop up`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.api_port, self.flower_port, self.redis_port = (free_port() for _ in range(3))
        self.api = f"http://{HOST}:{self.api_port}"
        self.flower = f"http://{HOST}:{self.flower_port}"
        self._log = folder / "output"
        with self._log.open("w") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-c", "from shop.cli import main; main()", "up"),
                    *("--api-port", str(self.api_port), "--flower-port", str(self.flower_port)),
                    *("--redis-port", str(self.redis_port), "--data-dir", str(folder / "data")),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # A terminal's signals are for the tests, not for it.
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._log.read_text()

    def wait_until_ready(self) -> None:
        def is_ready() -> bool:
            assert self.process.poll() is None, self.output
            return "ShopTaskManager is up" in self.output

        wait_for("shop up", is_ready, within_s=READY_WITHIN_S, explain=lambda: self.output)

    def processes(self) -> list[psutil.Process]:
        """Itself and everything below it."""
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def stop(self, signum: signal.Signals) -> int:
        """Its exit code, if it and all that it started are gone in time."""
        processes = self.processes()
        began_s = time.monotonic()
        self.process.send_signal(signum)
        code = self.process.wait(STOPPED_WITHIN_S)
        assert time.monotonic() - began_s < STOPPED_WITHIN_S
        assert [left for left in processes if _runs(left)] == []
        return code


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def shop_up(folder: Path) -> Iterator[ShopUp]:
    running = ShopUp(folder)
    try:
        yield running
    finally:
        # Its guard ends what it leaves behind.
        running.process.kill()
        running.process.wait()


@pytest.fixture(autouse=True)
def no_settings(make_settings: MakeSettings) -> None:
    """The environment of whoever runs the tests is kept out."""


def place_order(shop: ShopUp, order_id: str, within_s: float = PROCESSED_WITHIN_S) -> None:
    order = {"id": order_id, "item": "SKU-1", "qty": 2, "email": "ann@example.com"}
    with httpx.Client(base_url=shop.api, trust_env=False) as client:
        assert client.post("/order", json=order).status_code == 202
        invoice = wait_for(
            "the invoice",
            lambda: (
                answer
                if (answer := client.get(f"/invoice/{order_id}")).status_code == 200
                else None
            ),
            within_s=within_s,
            explain=lambda: shop.output,
        )
    assert invoice.content.startswith(b"%PDF-")


def assert_flower_opens_with_what_is_shown(shop: ShopUp) -> None:
    shown = re.search(rf"{shop.flower}\D*?│ (\S+) / (\S+) ", shop.output)
    assert shown, shop.output
    user, password = shown.groups()
    with httpx.Client(base_url=shop.flower, trust_env=False) as client:
        assert client.get("/api/workers").status_code == 401
        assert client.get("/api/workers", auth=(user, password)).status_code == 200
    for process in shop.processes():
        assert password not in " ".join(process.cmdline())


def test_two_beside_each_other_work_and_stop_without_a_trace(tmp_path: Path) -> None:
    with shop_up(tmp_path / "one") as one, shop_up(tmp_path / "other") as other:
        for shop in (one, other):
            shop.wait_until_ready()
        for shop in (one, other):
            place_order(shop, "1001")
        assert_flower_opens_with_what_is_shown(other)
        assert other.stop(signal.SIGINT) == 0
        place_order(one, "1002")
        assert one.stop(signal.SIGTERM) == 0
        for name in ("redis", "api", "worker-default", "worker-priority", "beat", "flower"):
            assert re.search(rf"^ ?{name} +\| \S", one.output, re.MULTILINE), one.output


def is_ready(shop: ShopUp) -> bool:
    return (
        ready.http_ok(HOST, shop.api_port, "/health/ready")()
        and ready.http_ok(HOST, shop.flower_port, "/healthcheck")()
    )


def wait_until_ready_again(shop: ShopUp, name: str, before: psutil.Process) -> None:
    """`name` runs anew, all is ready, and it was said once."""

    def is_back() -> bool:
        assert shop.process.poll() is None, shop.output
        return main_process(shop, name) not in (None, before) and is_ready(shop)

    wait_for(f"{name} is back", is_back, within_s=READY_WITHIN_S, explain=lambda: shop.output)


def main_process(shop: ShopUp, name: str) -> psutil.Process | None:
    """That of the service, if it runs."""
    mark = MARKS[name]
    for process in psutil.Process(shop.process.pid).children():
        with suppress(psutil.NoSuchProcess):
            if mark in " ".join(process.cmdline()):
                return process
    return None


def test_whatever_service_is_killed_is_started_again_and_orders_work(tmp_path: Path) -> None:
    with shop_up(tmp_path) as shop:
        shop.wait_until_ready()
        for number, name in enumerate(MARKS):
            process = main_process(shop, name)
            assert process is not None, shop.output
            process.kill()
            wait_until_ready_again(shop, name, process)
            how = "ended by SIGKILL (exit code 137)"
            assert f"{name} {how}; it is started again in 1 s" in shop.output
            place_order(shop, f"killed-{number}", within_s=DONE_WITHIN_S)
        assert shop.stop(signal.SIGTERM) == 0


def test_a_worker_that_is_told_to_shut_down_is_started_again_and_orders_work(
    tmp_path: Path,
) -> None:
    with shop_up(tmp_path) as shop:
        shop.wait_until_ready()
        app = Celery(broker=f"redis://{HOST}:{shop.redis_port}/0", set_as_current=False, fixups=[])
        for name in ("worker-default", "worker-priority"):
            before = main_process(shop, name)
            assert before is not None, shop.output
            queue = name.removeprefix("worker-")
            (answer,) = app.control.broadcast(
                "ping", reply=True, timeout=10, limit=1, pattern=f"{queue}@*", matcher="glob"
            )
            app.control.shutdown(destination=[*answer])
            wait_until_ready_again(shop, name, before)
            assert f"{name} ended with exit code 0; it is started again in 1 s" in shop.output
            place_order(shop, f"shut-down-{queue}", within_s=DONE_WITHIN_S)
        app.close()
        assert shop.stop(signal.SIGINT) == 0


def test_stock_outlives_a_redis_that_is_killed(tmp_path: Path) -> None:
    with shop_up(tmp_path) as shop:
        shop.wait_until_ready()
        place_order(shop, "1001")
        redis = main_process(shop, "redis")
        assert redis is not None
        redis.kill()
        wait_until_ready_again(shop, "redis", redis)
        assert shop.stop(signal.SIGTERM) == 0
    with shop_up(tmp_path) as shop:
        shop.wait_until_ready()
        listed = subprocess.run(
            [sys.executable, "-c", "from shop.cli import main; main()", "stock", "list"],
            env={"REDIS_PORT": str(shop.redis_port), "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        # Seeded with 1000, and not again.
        assert re.search(r"SKU-1 +│ +998 ", listed.stdout), listed.stdout
        assert shop.stop(signal.SIGTERM) == 0
