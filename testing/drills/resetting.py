"""Resets the workers' connections to their broker under load, and counts what that leaves behind.

A worker that stalls may be freed by the next reset. So, every other time, the next one waits until
both workers have taken work up since the last: a stall then lasts until the watchdog ends it.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from testing.chaos.driver import Driver
from testing.chaos.plan import Plan, Profile
from testing.chaos.runner import STALLED
from testing.drills.drill import Figure, Result
from testing.faults import FaultDidNotTakeHold, TcpProxy
from testing.history import HistoryWriter
from testing.observers import MailSink
from testing.stack import BROKER_DB, FLOWER, WORKER_DEFAULT, WORKER_PRIORITY, Stack
from testing.stacks.local import LocalStack
from testing.stacks.ports import HOST
from testing.waiting import POLL_EVERY_S

#: Without faults of its own, and without a last order: it ends when the resets do.
LOAD = Profile("resets", 0, 12.0, 0, 0, 0, 0, 0, (0.0, 0.0))
QUEUE_OF = {WORKER_DEFAULT: "default", WORKER_PRIORITY: "priority"}
GAP_S = (0.2, 0.8)
#: Of the resets, so many close a single connection of each worker: its others notice nothing.
SINGLE_SHARE = 0.5
#: After so many, on average, the next waits for work.
WAIT_SHARE = 0.5
#: Longer than a stall lasts until the watchdog has ended it and a new worker has started.
WORKS_AGAIN_WITHIN_S = 60.0
DONE_WITHIN_S = 60.0
UNDONE = ("orders:open", "notifications:open", "orders:dead", "notifications:dead")


def run(
    folder: Path, *, times: int, seed: int, on_progress: Callable[[str], None] = lambda _: None
) -> Result:
    """Leaves `history.jsonl` and each service's log in the folder."""
    plan = Plan(seed, LOAD)
    with (
        HistoryWriter(folder / "history.jsonl") as history,
        MailSink(history) as sink,
        _resettable(LocalStack({"SMTP_URL": sink.url}, without={FLOWER})) as (stack, proxies),
    ):
        try:
            store = stack.redis()
            for sku, units in plan.stock.items():
                store.set(f"stock:{sku}", units)
                store.set(f"price:{sku}", 1_990)
            drill = _Drill(stack, proxies, random.Random(f"{seed} resets"), on_progress)
            driver = Driver(stack.base_url, plan, history, drill.owed)
            driver.start()
            try:
                drill.wait_for_work()
                drill.reset(times, driver)
                driver.enough()
                undone = drill.drain(driver)
            finally:
                driver.cancel()
            stalls = sum(service.logs().count(STALLED) for service in stack.services)
        finally:
            for service in stack.services:
                (folder / f"{service.name}.log").write_text(service.logs())
    died = sum(drill.restarts.values()) - stalls
    return Result(
        figures=(
            Figure("stalls that the watchdog had to end", (stalls,), 0, unit=""),
            Figure("workers that a reset ended", (died,), 0, unit=""),
            Figure(
                f"orders or notifications left undone {DONE_WITHIN_S:.0f} s after the last reset",
                (undone,),
                0,
                unit="",
            ),
        ),
        remarks=(
            f"{drill.closed} connections were reset under {driver.orders} orders",
            f"longest until both workers took up work again: {drill.longest_wait_s:.1f} s",
            *(f"{name} was started again {n} times" for name, n in drill.restarts.items()),
        ),
    )


@contextmanager
def _resettable(stack: LocalStack) -> Iterator[tuple[LocalStack, dict[str, TcpProxy]]]:
    """The stack, started, and for each worker its way to the broker."""
    redis_port = urlsplit(stack.redis_url(BROKER_DB)).port
    assert redis_port is not None
    with TcpProxy(redis_port) as default, TcpProxy(redis_port) as priority:
        proxies = {WORKER_DEFAULT: default, WORKER_PRIORITY: priority}
        for worker, proxy in proxies.items():
            dsn = f"redis://{HOST}:{proxy.port}/{BROKER_DB}"
            stack.route("CELERY_BROKER_DSN", dsn, service=worker)
        with stack:
            yield stack, proxies


class _Drill:
    def __init__(
        self,
        stack: Stack,
        proxies: dict[str, TcpProxy],
        draw: random.Random,
        on_progress: Callable[[str], None],
    ) -> None:
        self._stack = stack
        self._proxies = proxies
        self._draw = draw
        self._on_progress = on_progress
        self.closed = 0
        self.longest_wait_s = 0.0
        #: Services that ended by themselves and were started again, as their supervisor would.
        self.restarts: Counter[str] = Counter()

    def owed(self) -> int:
        store: Any = self._stack.redis()
        return sum(int(store.zcard(key)) for key in UNDONE)

    def reset(self, times: int, driver: Driver) -> None:
        closed = Counter[str]()
        for number in range(1, times + 1):
            self._on_progress(f"reset {number} of {times}, {driver.orders} orders")
            for worker, proxy in self._proxies.items():
                single = self._draw.random() < SINGLE_SHARE
                closed[worker] += proxy.cut(only=self._draw.random() if single else None)
            # Raises what ended the driver.
            _ = driver.is_done
            self._pass(self._draw.uniform(*GAP_S))
            if self._draw.random() < WAIT_SHARE:
                self.wait_for_work()
        for worker in self._proxies:
            if not closed[worker]:
                raise FaultDidNotTakeHold(f"{worker} had no connection to reset")
        self.closed = closed.total()

    def wait_for_work(self) -> None:
        """Until both workers take up what came later than what they have in hand now."""
        seen = {worker: self._watermark(worker) for worker in self._proxies}
        began_s = time.monotonic()
        while any(self._watermark(worker) == mark for worker, mark in seen.items()):
            if time.monotonic() > began_s + WORKS_AGAIN_WITHIN_S:
                break
            self._revive()
            time.sleep(POLL_EVERY_S)
        self.longest_wait_s = max(self.longest_wait_s, time.monotonic() - began_s)

    def drain(self, driver: Driver) -> int:
        """What is left undone when it is time, or none."""
        deadline_s = time.monotonic() + DONE_WITHIN_S
        while time.monotonic() < deadline_s:
            self._revive()
            left = self.owed()
            self._on_progress(f"draining, {left} left")
            if driver.is_done and not left:
                return 0
            time.sleep(POLL_EVERY_S)
        return self.owed()

    def _watermark(self, worker: str) -> object:
        return self._stack.redis().get(f"watermark:{QUEUE_OF[worker]}")

    def _pass(self, seconds: float) -> None:
        """Let time pass: here waiting is the plan."""
        self._revive()
        time.sleep(seconds)

    def _revive(self) -> None:
        for service in self._stack.services:
            if not service.is_running:
                self.restarts[service.name] += 1
                service.start()
