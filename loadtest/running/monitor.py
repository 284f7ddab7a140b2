"""Reads what a shop's processes and its Redis take, now and then, while a run lasts."""

import time
from contextlib import suppress

import psutil
from redis.exceptions import RedisError

from loadtest.history import HistoryWriter, Memory
from loadtest.running.targets import Shop
from testing.stack import REDIS

EVERY_S = 5.0


class Monitor:
    """Writes a `Memory` for each service, and for what Redis holds."""

    def __init__(self, shop: Shop, history: HistoryWriter) -> None:
        self._shop = shop
        self._history = history
        self._due_s = 0.0

    def look(self) -> None:
        """Cheap when it is not due yet."""
        if self._shop.stack is None or time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + EVERY_S
        at_ms = time.time() * 1000
        if self._shop.stack.name == "local":
            for service in self._shop.stack.services:
                if service.name != REDIS:
                    taken = sum(map(_resident_bytes, service.pids()))
                    self._history.write(Memory(at_ms, service.name, taken))
        with suppress(RedisError):
            info = self._shop.stack.redis().info("memory")
            self._history.write(Memory(at_ms, REDIS, int(info["used_memory_dataset"])))


def _resident_bytes(pid: int) -> int:
    with suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0
