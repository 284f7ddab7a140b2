"""No process opens more connections to Redis than the guide says."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from testing.stack import REDIS, Stack
from testing.stacks.local import LocalStack
from tests.integration.customer import Customer, Goods

GUIDE = Path(__file__).parents[2] / "docs" / "scaling.md"
ROW = re.compile(r"^\| `([a-z-]+)` \| ([0-9]+)(?: \+ (?:(\d+) × )?`([A-Z_]+)`)? \|$", re.MULTILINE)
SETTINGS = {"PRIORITY_CONCURRENCY": 32, "DEFAULT_CONCURRENCY": len(os.sched_getaffinity(0))}


def bounds() -> dict[str, int]:
    """By service; of settings that nobody set."""
    section = GUIDE.read_text().partition("### Connections to Redis")[2].partition("\n## ")[0]
    return {
        service: int(base) + int(times or 1) * SETTINGS.get(setting, 0)
        for service, base, times, setting in ROW.findall(section)
    }


@pytest.fixture(scope="module")
def shared_stack() -> Iterator[LocalStack]:
    """Mail that takes so long that each thread of the pool has one."""
    with LocalStack({"NOTIFICATION_DELAY_MS": "1000"}) as stack:
        yield stack


def opened(stack: Stack, service: str) -> int:
    """Connections that its processes have to Redis now."""
    port = int(stack.redis_url(0).rpartition(":")[2].partition("/")[0])
    count = 0
    for pid in stack.service(service).pids():
        count += sum(
            bool(connection.raddr) and connection.raddr.port == port
            for connection in psutil.Process(pid).net_connections("tcp")
        )
    return count


def test_no_process_opens_more_connections_than_the_guide_says(
    customer: Customer, goods: Goods, stack: LocalStack
) -> None:
    told = bounds()
    assert set(told) == {service.name for service in stack.services} - {REDIS}
    most = dict.fromkeys(told, 0)
    owed = [customer.place(goods.sku, qty=1) for _ in range(10)]
    tasks = [customer.notify("all at once") for _ in range(100)]

    def all_done() -> bool:
        for service in told:
            most[service] = max(most[service], opened(stack, service))
        return not any(map(stack.redis().zcard, ("orders:open", "notifications:open")))

    customer.until("all is done", all_done)

    assert owed
    assert tasks
    assert {name: count for name, count in most.items() if count > told[name]} == {}
    # Those that are told of are there, and not many times as many as need be.
    assert most["worker-priority"] > SETTINGS["PRIORITY_CONCURRENCY"]
    assert most["worker-default"] > SETTINGS["DEFAULT_CONCURRENCY"]
