"""Reads what a shop's processes and its Redis take, now and then, while a run lasts."""

import time
from contextlib import suppress

import psutil
from redis.exceptions import RedisError

from loadtest.history import HistoryWriter, Memory
from loadtest.running.targets import Shop
from testing.stack import FLOWER, REDIS, Stack
from testing.stacks.containers import ContainerStack

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
        for name, taken in _held(self._shop.stack).items():
            # Flower, which local stacks are without, fills up to the tasks that it is to keep.
            if name not in (REDIS, FLOWER):
                self._history.write(Memory(at_ms, name, taken))
        with suppress(RedisError):
            info = self._shop.stack.redis().info("memory")
            self._history.write(Memory(at_ms, REDIS, int(info["used_memory_dataset"])))


def _held(stack: Stack) -> dict[str, int]:
    """Bytes by service, or by container: both workers are in one."""
    if isinstance(stack, ContainerStack):
        return stack.memory()
    return {service.name: sum(map(_resident_bytes, service.pids())) for service in stack.services}


def _resident_bytes(pid: int) -> int:
    with suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0
